from invoke import task


@task(help={"page": "Which page"})
def docs(context, page, draft=False):
    """Build a page."""
    context.run(f"echo {page} {draft}")


@task(aliases=["tidy"])
def clean_up(context, times=1):
    """Take away what was made."""
