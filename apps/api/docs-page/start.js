globalThis.SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#page',
  deepLinking: true,
  displayRequestDuration: true,
  // Swagger's public validator would be told about every document it is shown.
  validatorUrl: null,
});
