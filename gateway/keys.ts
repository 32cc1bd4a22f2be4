// The door through which other rooms administer keys. Nothing else of the gateway is imported from outside: it is
// started as a process and spoken to over HTTP.

export type { CreatedKey, KeyMaker, KeySummary, KeyWish } from "./key-admin.ts";
export { KeyAdmin } from "./key-admin.ts";
export { KeyFailure } from "./key-failure.ts";
export { isKeyName, KEY_NAME_CHARS_MAX, KEY_OWNERS_MAX } from "./key-record.ts";
export type { Scope } from "./principal.ts";
export { isScope, SCOPES } from "./principal.ts";
