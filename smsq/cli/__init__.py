"""`smsq`: the command line.

In:  arguments and the environment. Out: JSON or words on stdout, the rest on stderr, an exit code.
Never: a decision about a job, or the import of a command that is not run.
"""

from __future__ import annotations

import click

from smsq.cli.commands import Commands, Group
from smsq.cli.examples import EXAMPLES, write_epilog

#: Heading → name → where the command is, from `smsq.cli`, and its line in `smsq --help`. It is
#: imported when it is run, so that `smsq --help` and `smsq send-quick` stay quick.
GROUPS: Group = {
    "Send": {
        "send-quick": (".sending.send_quick:send_quick", "Send one text to one phone."),
        "send-bulk": (".campaigns.send_bulk:send_bulk", "Send a campaign from a CSV file."),
        "parts": (".sending.parts:parts", "Count the SMS parts of a text."),
        "cancel": (".sending.cancel:cancel", "Cancel what has not been sent yet."),
        "reschedule": (".sending.reschedule:reschedule", "Change when a quick job is sent."),
        "optout": (".sending.optout:optout", "Manage the phones that get no messages."),
    },
    "Campaigns": {
        "campaigns": (".campaigns.campaigns:campaigns", "List campaigns and their progress."),
        "failed": (".campaigns.campaigns:failed", "Write whom a campaign did not reach (CSV)."),
        "pause": (".operating.controls:pause", "Pause all sending, or one campaign."),
        "resume": (".operating.controls:resume", "Resume all sending, or one campaign."),
    },
    "Find out what happened": {
        "status": (".looking.status:status", "Show the state of a job or a campaign."),
        "watch": (".looking.watch:watch", "Follow a job or a campaign until it is final."),
        "why": (".looking.why:why", "Show what happened, step by step."),
        "find": (".looking.find:find", "Find sends by your own reference, or by phone."),
        "jobs": (".looking.find:jobs", "List jobs by state, tag and time."),
        "export": (".looking.export:export", "Export what was sent (CSV, JSON)."),
        "reconcile": (
            ".looking.reconcile:reconcile",
            "Compare the provider's bill with ours.",
        ),
    },
    "Operate": {
        "history": (".looking.history:history", "Show the last hours: waits, answers, money."),
        "stats": (".looking.stats:stats", "Count jobs and recipients; show the rate."),
        "doctor": (".operating.doctor:doctor", "Check settings, Redis, gateway and workers."),
        "rate": (".operating.controls:rate", "Set the most requests per second."),
        "unknown": (".operating.stuck:unknown", "Decide on jobs that may have been sent."),
        "dead": (".operating.stuck:dead", "List and retry jobs that ran out of attempts."),
        "unmatched": (".operating.unmatched:unmatched", "List accepted jobs without a message id."),
        "attach": (".operating.unmatched:attach", "Enter a message id of the gateway."),
        "webhook": (".operating.webhook:webhook", "List and replay failed webhook deliveries."),
        "audit": (".operating.audit:audit", "Show who did what."),
        "person": (".operating.person:person", "Show what is kept of a phone, or forget it."),
    },
    "Set up and run": {
        "up": (".running.up:up", "Run all processes of a small server."),
        "worker": (".running.processes:worker", "Run a worker, which sends."),
        "beat": (".running.processes:beat", "Run beat, which wakes the workers."),
        "web": (".running.processes:web", "Run the web server: receipts, the operators' page."),
        "secret": (".running.secret:secret", "Make a secret that nobody guesses."),
        "web-user": (".running.web_user:web_user", "Hash a password for the operators' page."),
        "flower": (".running.processes:flower", "Run Flower, a page about workers and tasks."),
        "alive": (".running.processes:alive", "Check that a worker takes jobs."),
        "simulator": ("smsq.simulator.command:simulator", "Run a simulated gateway for tests."),
        "demo": (".running.demo:demo", "Show smsq at work on this machine."),
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
