"""``pixelflow``: the commands, one file each, which import what they need only when they run."""

import sys
from io import TextIOWrapper

import typer

from pixelflow.cli.audit import audit
from pixelflow.cli.batches import batch
from pixelflow.cli.demo import demo
from pixelflow.cli.doctor import doctor
from pixelflow.cli.formats import formats
from pixelflow.cli.gc import gc
from pixelflow.cli.jobs import job, jobs
from pixelflow.cli.listen import listen
from pixelflow.cli.mistakes import told
from pixelflow.cli.operations import operations
from pixelflow.cli.plan import plan
from pixelflow.cli.process import process
from pixelflow.cli.replay import manifest, replay
from pixelflow.cli.serve import serve
from pixelflow.cli.steer import cancel, delete, retry
from pixelflow.cli.submit import submit
from pixelflow.cli.templates import templates
from pixelflow.cli.usage import tenant, usage
from pixelflow.cli.version import version
from pixelflow.cli.watch_folder import watch_folder
from pixelflow.cli.webhooks import webhooks

COMMANDS = (
    serve,
    process,
    plan,
    submit,
    jobs,
    job,
    cancel,
    retry,
    delete,
    watch_folder,
    operations,
    formats,
    doctor,
    demo,
    listen,
    replay,
    manifest,
    gc,
    audit,
    usage,
    tenant,
    version,
)
GROUPS = (batch, templates, webhooks)
"""Those with commands of their own."""

app = typer.Typer(
    name="pixelflow",
    help="A durable, caged, asynchronous image pipeline.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in COMMANDS:
    app.command()(command)
for group in GROUPS:
    app.add_typer(group)


def main() -> None:
    """Run the command that the arguments name; a user's mistake is told in words and by the exit code."""
    if isinstance(sys.stdout, TextIOWrapper):
        # A file's name may hold bytes, and a terminal may lack characters, that cannot be shown.
        sys.stdout.reconfigure(errors="replace")
    try:
        app()
    except Exception as error:
        code = told(error)
        if code is None:
            raise
        sys.exit(code)


if __name__ == "__main__":
    main()
