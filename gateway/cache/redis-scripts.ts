// Everything that must happen at once inside Redis, as Lua. Redis runs a script alone, so two gateways cannot interleave.
// Time is the Redis server's: one clock for all gateways.
//
// Invariant: a script that meets a value of a wrong kind stops with WRONGTYPE before it has written; a text that is no
// number counts as absent. So nothing that others write can make a script fail for ever.

import { createHash } from "node:crypto";
import { STAMP_AT, STAMP_CHARS } from "./sealed-value.ts";

/** A script and the name under which Redis remembers it. */
export interface RedisScript {
  readonly text: string;
  readonly sha: string;
}

const STAMP = `${STAMP_AT + 1}, ${STAMP_AT + STAMP_CHARS}`;

/** KEYS value; ARGV sealed wallet, ms to live. Keeps it unless one of the same format has an equal or later stamp. */
export const KEEP_WALLET = script(`
local old = redis.call('GET', KEYS[1])
if old and #old > ${STAMP_AT + STAMP_CHARS} and string.sub(old, 1, 1) == string.sub(ARGV[1], 1, 1)
  and string.sub(old, ${STAMP}) >= string.sub(ARGV[1], ${STAMP}) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`);

/** KEYS value; ARGV text. Removes the value if it still is that text. */
export const DROP = script(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`);

/**
 * KEYS bucket; ARGV spent, tokens a second, burst, deepest debt. Fills the bucket up to now, takes what was spent, though
 * no deeper than the debt, and returns what is left as text. A value that is out of range counts as its end.
 */
export const SPEND = script(`
local spent, rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local least = -tonumber(ARGV[4])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000
local tokens, at = string.match(redis.call('GET', KEYS[1]) or '', '^(%S+) (%S+)$')
tokens, at = tonumber(tokens or ''), tonumber(at or '')
if not tokens or not at or tokens ~= tokens or not (at >= 0) then tokens, at = burst, now end
local held = math.min(burst, math.max(least, tokens) + math.max(0, now - at) * rate / 1000)
local left = math.max(least, held - spent)
local fullMs = math.min(2592000000, math.ceil((burst - left) * 1000 / rate) + 1000)
redis.call('SET', KEYS[1], string.format('%.17g %.17g', left, now), 'PX', string.format('%.0f', fullMs))
return { string.format('%.17g', left) }
`);

const SPENT = `
local count = redis.call('SCARD', KEYS[1])
local spent = redis.call('GET', KEYS[2])
if not spent or #spent > 19 or not string.match(spent, '^%d+$') then
  redis.call('DEL', KEYS[2])
  spent = '0'
end
`;

/**
 * KEYS the owner's ids, the campaign's sum; ARGV id, amount, owner's cap, budget or nothing, ms to live.
 * Returns the reason of a refusal or nothing, the owner's claims, the sum. Sums are compared as text: Lua's numbers are
 * exact to 2^53 only.
 */
export const CLAIM = script(`${SPENT}
if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 1 then return { '', count, spent } end
if count >= tonumber(ARGV[3]) then return { 'owner_cap', count, spent } end
local added = redis.pcall('INCRBY', KEYS[2], ARGV[2])
if type(added) == 'table' then
  redis.call('SET', KEYS[2], ARGV[2])
end
redis.call('PEXPIRE', KEYS[2], ARGV[5])
local after = redis.call('GET', KEYS[2])
if ARGV[4] ~= '' and (#after > #ARGV[4] or (#after == #ARGV[4] and after > ARGV[4])) then
  redis.call('DECRBY', KEYS[2], ARGV[2])
  return { 'budget', count, spent }
end
redis.call('SADD', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return { '', count + 1, after }
`);

/** KEYS as of CLAIM; ARGV id, amount. Forgets the id and gives its amount back, never below nothing. */
export const UNCLAIM = script(`${SPENT}
if redis.call('SREM', KEYS[1], ARGV[1]) == 0 then return 0 end
if spent == '0' then return 1 end
if redis.call('DECRBY', KEYS[2], ARGV[2]) < 0 then redis.call('SET', KEYS[2], '0', 'KEEPTTL') end
return 1
`);

function script(text: string): RedisScript {
  return { text, sha: createHash("sha1").update(text).digest("hex") };
}
