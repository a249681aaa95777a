"""`smsq`: the command line.

In:  arguments and the environment. Out: JSON or words on stdout, the rest on stderr, an exit code.

A command is one line in `COMMANDS`; its module is imported when it is run, so that `smsq --help`
and `smsq send-quick` stay quick.
"""

from __future__ import annotations

import click

from smsq.cli.commands import Commands, Group

#: Heading → name → where the command stands, and its line in `smsq --help`.
GROUPS: Group = {
    "Send": {
        "send-quick": ("smsq.cli.send:send_quick", "Enqueue one text for one phone."),
        "send-bulk": ("smsq.cli.bulk:send_bulk", "Enqueue a campaign from a CSV file."),
        "parts": ("smsq.cli.parts:parts", "Count the SMS parts that a text takes."),
        "cancel": ("smsq.cli.cancel:cancel", "Take back what is not sent yet."),
        "reschedule": ("smsq.cli.reschedule:reschedule", "Send a quick job at another time."),
        "optout": ("smsq.cli.optout:optout", "Say which phones take no messages."),
    },
    "Campaigns": {
        "campaigns": ("smsq.cli.campaigns:campaigns", "List campaigns and how far they are."),
        "failed": ("smsq.cli.campaigns:failed", "Write whom a campaign did not reach, as CSV."),
        "pause": ("smsq.cli.controls:pause", "Stop every gateway request, or one campaign."),
        "resume": ("smsq.cli.controls:resume", "Open the gate again, or let a campaign go on."),
    },
    "What became of it": {
        "status": ("smsq.cli.show:status", "Say what became of a job or a campaign."),
        "watch": ("smsq.cli.watch:watch", "Watch a job or a campaign until it is final."),
        "why": ("smsq.cli.why:why", "Tell what happened to a job or campaign."),
        "export": ("smsq.cli.export:export", "Write what was sent, for the accountants."),
    },
    "Operate": {
        "stats": ("smsq.cli.stats:stats", "Count everything in the ledger."),
        "doctor": ("smsq.cli.doctor_command:doctor", "Check settings, Redis, gateway, workers."),
        "rate": ("smsq.cli.controls:rate", "Set the ceiling of the rate."),
        "unknown": ("smsq.cli.stuck:unknown", "Decide on jobs that may have been accepted."),
        "dead": ("smsq.cli.stuck:dead", "Look at jobs that were given up, and retry them."),
        "unmatched": ("smsq.cli.unmatched:unmatched", "List jobs whose message ids nobody told."),
        "attach": ("smsq.cli.unmatched:attach", "Tell a message's id by hand."),
        "webhook": ("smsq.cli.webhook:webhook", "Look at news that was not taken, and replay it."),
    },
    "Set up and run": {
        "up": ("smsq.cli.up:up", "Run all processes of a small server."),
        "worker": ("smsq.cli.processes:worker", "Run a worker."),
        "beat": ("smsq.cli.processes:beat", "Run beat, the clock."),
        "web": ("smsq.cli.processes:web", "Run the receiver of receipts."),
        "flower": ("smsq.cli.processes:flower", "Run Flower."),
        "alive": ("smsq.cli.processes:alive", "Say whether a worker takes rings."),
        "simulator": ("smsq.simulator.command:simulator", "Run a simulated gateway."),
        "demo": ("smsq.cli.demo:demo", "Show smsq at work on this machine."),
    },
}

#: All of them.
COMMANDS = {name: row for rows in GROUPS.values() for name, row in rows.items()}


@click.command(cls=Commands, lazy=GROUPS)
@click.version_option(package_name="smsq", message="smsq %(version)s")
def main() -> None:
    """Get every SMS through one gateway: once, urgent first, and say what became of it.

    Settings come from the environment (SMSQ_REDIS_URL, ...). Every command takes --json: one JSON
    document on stdout and nothing else there; errors too, as {"error": {"type", "message",
    "mistakes"}}.

    """


__all__ = ["main"]
