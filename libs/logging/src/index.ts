export * from './logger.js';
export { isSecretKey, REDACTED, redactText } from './redact.js';
