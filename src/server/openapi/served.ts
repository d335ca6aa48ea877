/** The document of a server as `fungi serve` starts it: what docs/openapi.json holds. */
import { CHAT } from '../chat/chat-route.js';
import { OPERATIONS } from '../operations/operations.js';
import { ROUTES } from '../routes/index.js';
import { openApiDocument, type OpenApiDocument } from './document.js';

export function servedDocument(): OpenApiDocument {
  return openApiDocument([...ROUTES, CHAT, ...Object.values(OPERATIONS)]);
}
