"""`smsq`: the command line.

In:  arguments and the environment. Out: JSON or words on stdout, the rest on stderr, an exit code.

A command is one line in `COMMANDS`; its module is imported when it is run, so that `smsq --help`
and `smsq send-quick` stay quick.
"""

from __future__ import annotations

import click

from smsq.cli.commands import Commands, Group
from smsq.cli.examples import EXAMPLES, write_epilog

#: Heading → name → where the command stands, and its line in `smsq --help`.
GROUPS: Group = {
    "Send": {
        "send-quick": ("smsq.cli.send:send_quick", "Send one text to one phone."),
        "send-bulk": ("smsq.cli.bulk:send_bulk", "Send a campaign from a CSV file."),
        "parts": ("smsq.cli.parts:parts", "Count the SMS parts of a text."),
        "cancel": ("smsq.cli.cancel:cancel", "Cancel what has not been sent yet."),
        "reschedule": ("smsq.cli.reschedule:reschedule", "Change when a quick job is sent."),
        "optout": ("smsq.cli.optout:optout", "Manage the phones that get no messages."),
    },
    "Campaigns": {
        "campaigns": ("smsq.cli.campaigns:campaigns", "List campaigns and their progress."),
        "failed": ("smsq.cli.campaigns:failed", "Write whom a campaign did not reach (CSV)."),
        "pause": ("smsq.cli.controls:pause", "Pause all sending, or one campaign."),
        "resume": ("smsq.cli.controls:resume", "Resume all sending, or one campaign."),
    },
    "Find out what happened": {
        "status": ("smsq.cli.show:status", "Show the state of a job or a campaign."),
        "watch": ("smsq.cli.watch:watch", "Follow a job or a campaign until it is final."),
        "why": ("smsq.cli.why:why", "Show what happened, step by step."),
        "export": ("smsq.cli.export:export", "Export what was sent (CSV, JSON)."),
    },
    "Operate": {
        "stats": ("smsq.cli.stats:stats", "Count jobs and recipients; show the rate."),
        "doctor": ("smsq.cli.doctor_command:doctor", "Check settings, Redis, gateway and workers."),
        "rate": ("smsq.cli.controls:rate", "Set the most requests per second."),
        "unknown": ("smsq.cli.stuck:unknown", "Decide on jobs that may have been sent."),
        "dead": ("smsq.cli.stuck:dead", "List and retry jobs that ran out of attempts."),
        "unmatched": ("smsq.cli.unmatched:unmatched", "List accepted jobs without a message id."),
        "attach": ("smsq.cli.unmatched:attach", "Enter a message id of the gateway."),
        "webhook": ("smsq.cli.webhook:webhook", "List and replay failed webhook deliveries."),
    },
    "Set up and run": {
        "up": ("smsq.cli.up:up", "Run all processes of a small server."),
        "worker": ("smsq.cli.processes:worker", "Run a worker, which sends."),
        "beat": ("smsq.cli.processes:beat", "Run beat, which wakes the workers."),
        "web": ("smsq.cli.processes:web", "Run the web server for receipts and metrics."),
        "flower": ("smsq.cli.processes:flower", "Run Flower, a page about workers and tasks."),
        "alive": ("smsq.cli.processes:alive", "Check that a worker takes jobs."),
        "simulator": ("smsq.simulator.command:simulator", "Run a simulated gateway for tests."),
        "demo": ("smsq.cli.demo:demo", "Show smsq at work on this machine."),
    },
}

#: All of them.
COMMANDS = {name: row for rows in GROUPS.values() for name, row in rows.items()}


@click.command(cls=Commands, lazy=GROUPS, epilog=write_epilog(EXAMPLES[""]))
@click.version_option(package_name="smsq", message="smsq %(version)s")
def main() -> None:
    """Send every SMS through one gateway: once, urgent messages first, with delivery reports.

    Settings come from the environment (SMSQ_REDIS_URL, ...). Every command takes --json: one JSON
    document on stdout and nothing else there; errors too, as {"error": {"type", "message",
    "mistakes"}}.

    """


__all__ = ["main"]
