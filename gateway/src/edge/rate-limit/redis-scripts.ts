/**
 * The counts in Redis, by its clock. One script for each act, so that a request is counted against all of its limits or against none, in one
 * round trip. A count is gone from Redis when it is a minute old.
 *
 * A rolling minute (rolling-minute.ts) is a hash: what was used by second, their `sum`, the `first` second that may be there and the `last`.
 * Requests in progress are a sorted set of their ids by the time in milliseconds at which their places are free again.
 */

const clock = `
local time = redis.call('TIME')
local now = tonumber(time[1])
local ms = now * 1000 + math.floor(tonumber(time[2]) / 1000)
`;

const minute = `
local function add(key, length, amount, last)
  redis.call('HINCRBY', key, now, amount)
  redis.call('HINCRBY', key, 'sum', amount)
  if last == now then return end -- the rest was written with the first amount of this second
  redis.call('HSETNX', key, 'first', now)
  redis.call('HSET', key, 'last', now)
  redis.call('EXPIRE', key, length + 2)
end
`;

/** KEYS: one for each limit. ARGV: id, seconds of a minute, seconds of a hold, then for each limit what is counted and the most. Answers {used, reset, retry} for each. */
export const takeScript = `${clock}${minute}
local id, length, hold = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

local function amounts(key, first, last)
  local seconds = {}
  for second = first, last do seconds[#seconds + 1] = second end
  if #seconds == 0 then return seconds, seconds end
  return seconds, redis.call('HMGET', key, unpack(seconds))
end

local function minuteOf(key, most)
  local found = redis.call('HMGET', key, 'sum', 'first', 'last')
  local used, first, last = tonumber(found[1]) or 0, tonumber(found[2]) or now, tonumber(found[3])
  local old, gone = amounts(key, first, now - length - 1)
  if #old > 0 then
    for i = 1, #old do used = used - (tonumber(gone[i]) or 0) end
    redis.call('HDEL', key, unpack(old))
    first = now - length
    redis.call('HSET', key, 'sum', used, 'first', first)
  end
  local reset = used > 0 and (last or now) + length + 1 - now or 0
  if used < most then return used, reset, 0, last end
  local seconds, taken = amounts(key, first, last or now)
  local rest = used
  for i = 1, #seconds do
    rest = rest - (tonumber(taken[i]) or 0)
    if rest < most then return used, reset, seconds[i] + length + 1 - now, last end
  end
  return used, reset, reset, last
end

local function inProgress(key, most)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', ms)
  local used = redis.call('ZCARD', key)
  return used, 0, used < most and 0 or 1
end

local answer, lasts, admitted = {}, {}, true
for i, key in ipairs(KEYS) do
  local counted, most = ARGV[2 + 2 * i], tonumber(ARGV[3 + 2 * i])
  local used, reset, retry, last = (counted == 'concurrent' and inProgress or minuteOf)(key, most)
  answer[#answer + 1], answer[#answer + 2], answer[#answer + 3] = used, reset, retry
  lasts[i] = last
  if retry > 0 then admitted = false end
end
if admitted then
  for i, key in ipairs(KEYS) do
    local counted = ARGV[2 + 2 * i]
    if counted == 'requests' then add(key, length, 1, lasts[i]) end
    if counted == 'concurrent' then
      redis.call('ZADD', key, ms + hold * 1000, id)
      redis.call('EXPIRE', key, hold + 1)
    end
  end
end
return answer
`;

/** KEYS: of requests in progress. ARGV: id, seconds of a hold. A place that was lost, with Redis or for a long silence, is taken again. */
export const holdScript = `${clock}
for _, key in ipairs(KEYS) do
  redis.call('ZADD', key, ms + ARGV[2] * 1000, ARGV[1])
  redis.call('EXPIRE', key, ARGV[2] + 1)
end
`;

/** KEYS: of requests in progress and of tokens. ARGV: id, seconds of a minute, tokens, then for each key what is counted. */
export const endScript = `${clock}${minute}
for i, key in ipairs(KEYS) do
  if ARGV[3 + i] == 'concurrent' then redis.call('ZREM', key, ARGV[1])
  elseif ARGV[3] ~= '0' then add(key, tonumber(ARGV[2]), ARGV[3], tonumber(redis.call('HGET', key, 'last'))) end
end
`;
