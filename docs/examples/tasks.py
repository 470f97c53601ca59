"""Tasks for Invoke, which pyrun lists and runs beside its own."""

from invoke import task


@task(help={"page": "Which page", "draft": "With what is not finished"})
def docs(context, page, draft=False):
    """Build a page of the documentation."""
    context.run(f"echo building {page}{' as a draft' if draft else ''}")
