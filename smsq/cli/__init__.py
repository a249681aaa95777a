"""`smsq`: the command line.

In:  arguments and the environment. Out: JSON or words on stdout, the rest on stderr, an exit code.

A command is one line in `COMMANDS`; its module is imported when it is run, so that `smsq --help`
and `smsq send-quick` stay quick.
"""

from __future__ import annotations

import click

from smsq.cli.commands import Commands

#: Name → where the command stands, and its line in `smsq --help`.
COMMANDS = {
    "send-quick": ("smsq.cli.send:send_quick", "Enqueue one text for one phone."),
    "send-bulk": ("smsq.cli.bulk:send_bulk", "Enqueue a campaign from a CSV file."),
    "parts": ("smsq.cli.parts:parts", "Count the SMS parts that a text takes."),
    "status": ("smsq.cli.show:status", "Say what became of a job or a campaign."),
    "watch": ("smsq.cli.watch:watch", "Watch a job or a campaign until it is final."),
    "campaigns": ("smsq.cli.campaigns:campaigns", "List campaigns and how far they are."),
    "failed": ("smsq.cli.campaigns:failed", "Write whom a campaign did not reach, as CSV."),
    "stats": ("smsq.cli.stats:stats", "Count everything in the ledger."),
    "why": ("smsq.cli.why:why", "Tell what happened to a job or campaign."),
    "export": ("smsq.cli.export:export", "Write what was sent, for the accountants."),
    "cancel": ("smsq.cli.cancel:cancel", "Take back what is not sent yet."),
    "reschedule": ("smsq.cli.reschedule:reschedule", "Send a quick job at another time."),
    "optout": ("smsq.cli.optout:optout", "Say which phones take no messages."),
    "unknown": ("smsq.cli.stuck:unknown", "Decide on jobs that may have been accepted."),
    "dead": ("smsq.cli.stuck:dead", "Look at jobs that were given up, and retry them."),
    "unmatched": ("smsq.cli.unmatched:unmatched", "List jobs whose message ids nobody told."),
    "attach": ("smsq.cli.unmatched:attach", "Tell a message's id by hand."),
    "pause": ("smsq.cli.controls:pause", "Stop every gateway request, or one campaign."),
    "resume": ("smsq.cli.controls:resume", "Open the gate again, or let a campaign go on."),
    "rate": ("smsq.cli.controls:rate", "Set the ceiling of the rate."),
    "webhook": ("smsq.cli.webhook:webhook", "Look at news that was not taken, and replay it."),
    "doctor": ("smsq.cli.doctor_command:doctor", "Check settings, Redis, gateway, workers."),
    "simulator": ("smsq.simulator.command:simulator", "Run a simulated gateway."),
    "demo": ("smsq.cli.demo:demo", "Show smsq at work on this machine."),
}


@click.command(cls=Commands, lazy=COMMANDS)
@click.version_option(package_name="smsq", message="smsq %(version)s")
def main() -> None:
    r"""Get every SMS through one gateway: once, urgent first, and say what became of it.

    Settings come from the environment (SMSQ_REDIS_URL, ...). Every command takes --json: one JSON
    document on stdout and nothing else there; errors too, as {"error": {"type", "message",
    "mistakes"}}.

    \b
    Exit codes:
      0  done                         3  queue unavailable
      1  failed otherwise             4  no such job or campaign
      2  bad input or wrong settings  5  done, but some rows were rejected
    """


__all__ = ["main"]
