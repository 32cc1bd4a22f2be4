// Every route of the gateway, in one list. The server registers exactly these, the OpenAPI document shows exactly these,
// and the tests of permissions walk over them. Beside them there is only the page of documentation under /docs.

import type { Route } from "./route.ts";
import { batchRoutes } from "./routes/batches.ts";
import { campaignRoutes } from "./routes/campaigns.ts";
import { entryRoutes } from "./routes/entries.ts";
import { eventRoutes } from "./routes/events.ts";
import { readRoutes } from "./routes/reads.ts";
import { serviceRoutes } from "./routes/service.ts";
import { ticketRoutes } from "./routes/tickets.ts";
import { transferRoutes } from "./routes/transfers.ts";
import { walletRoutes } from "./routes/wallets.ts";

/** See the file header. */
export const ROUTES: readonly Route[] = [
  ...walletRoutes,
  ...readRoutes,
  ...entryRoutes,
  ...transferRoutes,
  ...batchRoutes,
  ...campaignRoutes,
  ...eventRoutes,
  ...ticketRoutes,
  ...serviceRoutes,
];
