// What the gateway publishes about itself: the OpenAPI document and the page under /docs that shows it.
// Owns the page's words and looks. Does not own what is said of routes (their schemas), nor the guide (guide.ts).
// Invariant: nothing of the page comes from elsewhere; the document is rendered once.

import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import { GUIDE } from "./guide.ts";

const POLICY =
  "default-src 'none'; connect-src 'self'; font-src 'self' data:; img-src 'self' data:; script-src 'self'; style-src 'self' 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";
/** A coin in its box: for the tab of the browser. */
const MARK =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect x="2" y="2" width="28" height="28" rx="6" fill="#2b3a4c"/><circle cx="16" cy="16" r="8" fill="none" stroke="#fc6" stroke-width="4"/></svg>';
const MARK_TYPE = "image/svg+xml";

/** Registers both. Must come before the routes. */
export async function registerDocument(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    convertConstToEnum: false,
    openapi: {
      openapi: "3.1.0",
      info: { title: "Coffer", version, description: GUIDE },
      components: { securitySchemes: { key: { type: "http", scheme: "bearer" } } },
    },
  });
  const icon = { filename: "icon.svg", rel: "icon", type: MARK_TYPE, sizes: "any", content: MARK };
  await app.register(swaggerUi, {
    routePrefix: "/docs",
    staticCSP: POLICY,
    logo: { type: MARK_TYPE, content: MARK },
    theme: { title: "Coffer", favicon: [icon] },
    // Without the library's bar at the top: it has one document to show.
    uiConfig: { validatorUrl: null, persistAuthorization: false, layout: "BaseLayout" },
  });
}

/** The document as JSON, once the server is ready. */
export function documentOf(app: FastifyInstance): () => string {
  let text: string | null = null;
  return () => {
    text ??= JSON.stringify(app.swagger());
    return text;
  };
}
