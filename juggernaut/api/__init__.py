"""The API: resources, OpenAPI, problem documents, authentication and throttling."""
