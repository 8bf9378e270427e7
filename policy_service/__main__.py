"""`python -m policy_service` is the command line."""

if __name__ == "__main__":
    from policy_service.cli.main import app

    app()
