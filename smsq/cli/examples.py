"""Examples for the help of every command.

In:  nothing. Out: lines that can be typed; a test reads each with the command's own parser.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

_JOB, _CAMPAIGN = "j3f9c1a7be2d40586", "c81d0e5f6a7b9c234"

#: Command, as it is typed after `smsq` → lines.
EXAMPLES: Mapping[str, Sequence[str]] = {
    "": ("smsq demo", "smsq doctor", "smsq send-quick --help"),
    "send-quick": (
        'smsq send-quick "+375 29 123-45-67" "Your code is 4821" --priority urgent',
        'smsq send-quick 375291234567 "See you at 10:00" --send-at 2030-11-05T09:30',
        "cat text.txt | smsq send-quick 375291234567 - --key order-17",
    ),
    "send-bulk": (
        'smsq send-bulk phones.csv --name Sale --text "Half price, {name}!" --dry-run',
        "smsq send-bulk bills.csv --name Bills --text-column text --key bills-11",
    ),
    "parts": ('smsq parts "Your code is 4821"', "cat text.txt | smsq parts -"),
    "cancel": (f"smsq cancel {_JOB}", f"smsq cancel {_CAMPAIGN}"),
    "reschedule": (f"smsq reschedule {_JOB} 2030-11-05T09:30",),
    "optout add": ('smsq optout add "+375 29 123-45-67" 375291234568',),
    "optout remove": ("smsq optout remove 375291234567",),
    "optout list": ("smsq optout list > optouts.txt",),
    "optout import": ("smsq optout import stop.csv --phone-column phone",),
    "campaigns": ("smsq campaigns --limit 5",),
    "failed": (f"smsq failed {_CAMPAIGN} again.csv",),
    "pause": ("smsq pause", f"smsq pause {_CAMPAIGN}"),
    "resume": ("smsq resume", f"smsq resume {_CAMPAIGN} --max-failed 20%"),
    "status": (f"smsq status {_JOB}", f"smsq status {_CAMPAIGN} --recipients --json"),
    "watch": (f"smsq watch {_CAMPAIGN}", f"smsq watch {_JOB} --timeout-s 60"),
    "why": (f"smsq why {_JOB}", f"smsq why {_CAMPAIGN} --utc"),
    "find": ("smsq find order-77", "smsq find 375291234567 --since 2026-11-01"),
    "jobs": ("smsq jobs --state rejected --since 2026-11-26", "smsq jobs --tag otp --json"),
    "export": (
        "smsq export --since 2026-11-01 --until 2026-12-01 > november.csv",
        "smsq export --since 2026-11-26 --recipients --format jsonl",
    ),
    "history": ("smsq history", "smsq history --hours 24", "smsq history --today --json"),
    "stats": ("smsq stats", "smsq stats --json"),
    "doctor": ("smsq doctor",),
    "rate": ("smsq rate 5", "smsq rate default"),
    "unknown list": ("smsq unknown list",),
    "unknown resend": (f'smsq unknown resend {_JOB} --why "the customer got nothing"',),
    "unknown settle-all": (
        "smsq unknown settle-all failed --until 2030-11-05T06:00 --dry-run",
        'smsq unknown settle-all accepted --all --why "the gateway lists all of them"',
    ),
    "unknown settle": (f'smsq unknown settle {_JOB} accepted --why "the gateway lists it"',),
    "dead list": ("smsq dead list --error temporary",),
    "dead show": (f"smsq dead show {_JOB}",),
    "dead retry": (
        f"smsq dead retry {_JOB}",
        'smsq dead retry --all --dry-run --why "the gateway works again"',
    ),
    "unmatched": ("smsq unmatched --min-age-s 600",),
    "attach": (f'smsq attach {_JOB} Sale 501 --why "support named it"',),
    "webhook list": ("smsq webhook list",),
    "webhook resume": ("smsq webhook resume",),
    "webhook replay": ("smsq webhook replay --all",),
    "up": ("smsq up --workers 2", "HOST=0.0.0.0 FLOWER_BASIC_AUTH=ops:secret smsq up"),
    "worker": ("smsq worker", "smsq worker --hostname shop-1@%h"),
    "beat": ("smsq beat",),
    "web": ("smsq web", "HOST=0.0.0.0 PORT=8090 smsq web"),
    "audit": ("smsq audit --since 2026-11-24", "smsq audit --verify"),
    "secret": ("smsq secret",),
    "reconcile": (
        "smsq reconcile bill.csv --since 2026-11-01 --id-column sms_id",
        "smsq reconcile bill.csv --since 2026-11-01 --price-column cost",
    ),
    "person show": ('smsq person show "+375 29 123-45-67"',),
    "person forget": ("smsq person forget 375291234567 --yes",),
    "web-user": ("smsq web-user anna",),
    "flower": ("smsq flower", "smsq flower --port=5556"),
    "alive": ("smsq alive --hostname worker@%h",),
    "simulator": ("smsq simulator --token secret --rate 10 --latency-ms 80",),
    "demo": ("smsq demo", "smsq demo --keep"),
}


def add_examples(command: click.Command, path: str) -> click.Command:
    """Give a command its examples, and the commands below it theirs.

    Args:
        command: Shows them at the end of its help.
        path: As it is typed after `smsq`.
    """
    lines = EXAMPLES.get(path, ())
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            add_examples(below, f"{path} {name}")
            lines = [*lines, *EXAMPLES.get(f"{path} {name}", ())]
    if lines:
        command.epilog = write_epilog(lines)
    return command


def find_example(command: click.Command) -> str:
    """Find the first example of a command; "" where it has none."""
    return (command.epilog or "").partition("Examples:\n")[2].partition("\n")[0].strip()


def write_epilog(lines: Sequence[str]) -> str:
    """Write the end of a help."""
    # click leaves the line ends of a paragraph alone that begins with this mark.
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])
