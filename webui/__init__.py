"""The pages. `webui.app.create_app` makes the application; whoever only cleans a mail loads none of it."""
