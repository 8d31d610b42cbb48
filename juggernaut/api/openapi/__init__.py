"""`/api/schema` and `/api/docs`: the API as OpenAPI 3.1, made from what its endpoints declare of themselves
(`juggernaut.api.openapi.declaration`) and what all of them have in common (`frame`)."""
