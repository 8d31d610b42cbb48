"""Security of the web server: headers, logins, passwords, local requests."""
