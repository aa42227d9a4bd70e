/**
 * The counts in Redis, by its clock, and the one script that changes them: a replica tells what was used of some limits and what it still holds
 * of them, and asks for more. So requests are counted against all of their limits or against none, in one round trip.
 *
 * A count is a hash. `held` is what replicas hold: requests and places that are counted but not known to be used, or in progress. What was used
 * of a rolling minute (rolling-minute.ts) is there by second, with its `sum`, the `first` second that may be there and the `last`. What a
 * replica holds is held for as long as it says so, and beyond that for a minute and two seconds (until the requests that it may have admitted
 * of it are a minute old), or for a hold. A count that nobody has spoken of for that long is gone.
 *
 * KEYS: one for each limit. ARGV: replica, number of the message, seconds of a minute, seconds of a hold; for each limit what is counted, the
 * most, used since the last message, held for requests in progress, in hand, wished to have in hand, whether answers were lost; then, for
 * requests that wait, how many have the same limits, how many limits those are, and which. Answers for each limit: what is counted but not held
 * here, seconds until all and until something is free, the share of this replica, and how much of it is new; then how many of the requests that
 * wait are admitted.
 *
 * A message that was overtaken by a later one changes nothing. After answers that were lost it is remembered for as long as a hold lasts that the
 * later one came, also where that one held nothing.
 */
export const countScript = `
local replica, number, length, hold = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local now = tonumber(redis.call('TIME')[1])

local function read(key, at)
  local counted, found = ARGV[at], redis.call('HMGET', key, 'held', 'sum', 'first', 'last')
  local limit = {
    key = key, counted = counted, most = tonumber(ARGV[at + 1]), spent = tonumber(ARGV[at + 2]),
    held = tonumber(ARGV[at + 3]), inHand = tonumber(ARGV[at + 4]), wish = tonumber(ARGV[at + 5]), unsure = ARGV[at + 6] == '1',
    lasts = counted == 'concurrent' and hold or length + 2,
    sum = tonumber(found[2]) or 0, first = tonumber(found[3]) or now, last = tonumber(found[4]),
    holders = {}, others = 0, replicas = 1, held_before = found[1]
  }
  for id, holder in pairs(found[1] and cmsgpack.unpack(found[1]) or {}) do
    if id == replica then limit.overtaken, limit.guarded = holder[2] > number, holder[4]
    elseif holder[3] >= now then
      limit.holders[id] = holder
      limit.others = limit.others + holder[1]
      if holder[1] > 0 then limit.replicas = limit.replicas + 1 end
    end
  end
  return limit
end

local function amounts(key, first, last)
  local seconds = {}
  for second = first, last do seconds[#seconds + 1] = second end
  if #seconds == 0 then return seconds, seconds end
  return seconds, redis.call('HMGET', key, unpack(seconds))
end

local function bringUpToDate(limit)
  local old, gone = amounts(limit.key, limit.first, now - length - 1)
  for i = 1, #old do limit.sum = limit.sum - (tonumber(gone[i]) or 0) end
  if #old > 0 then
    redis.call('HDEL', limit.key, unpack(old))
    limit.first = now - length
  end
  if limit.spent > 0 then
    redis.call('HINCRBY', limit.key, now, limit.spent)
    limit.sum, limit.last = limit.sum + limit.spent, now
    limit.first = math.min(limit.first, now) -- the clock may have been set back
  end
  if #old > 0 or limit.spent > 0 then
    redis.call('HSET', limit.key, 'sum', limit.sum, 'first', limit.first, 'last', limit.last or now)
  end
end

local function resetIn(limit)
  if limit.counted == 'concurrent' then return 0 end
  if limit.others + limit.held > 0 then return length + 1 end
  return limit.sum > 0 and (limit.last or now) + length + 1 - now or 0
end

local function retryIn(limit)
  if limit.free > 0 then return 0 end
  if limit.counted == 'concurrent' then return 1 end
  local seconds, taken = amounts(limit.key, limit.first, limit.last or now)
  local free = limit.free
  for i = 1, #seconds do
    free = free + (tonumber(taken[i]) or 0)
    if free > 0 then return seconds[i] + length + 1 - now end
  end
  return length + 1 -- what is held counts as if it were used now
end

-- How much this replica may have in hand. Tokens are not held: 1 where so many are left that it need not ask for each request.
local function shareOf(limit)
  if limit.counted == 'tokens' then return limit.wish > 0 and limit.free * 10 > limit.most and 1 or 0 end
  return math.max(0, math.min(limit.wish, math.floor((limit.free + limit.inHand) / (4 * limit.replicas))))
end

local moreFor = {
  requests = function(share) return share end,
  tokens = function() return 0 end,
  concurrent = function(share) return math.ceil(share * 3 / 4) end -- so that places that come free need not go back at once
}

local limits, at = {}, 5
for i, key in ipairs(KEYS) do
  limits[i] = read(key, at)
  if limits[i].overtaken then return {} end
  at = at + 7
end
for _, limit in ipairs(limits) do
  if limit.counted ~= 'concurrent' then bringUpToDate(limit) end
  limit.free = limit.most - limit.sum - limit.others - limit.held - limit.inHand
end

local admitted = {}
while ARGV[at] do
  local all, of = tonumber(ARGV[at]), {}
  for i = 1, tonumber(ARGV[at + 1]) do
    of[i] = limits[tonumber(ARGV[at + 1 + i])]
    if of[i].counted ~= 'tokens' or of[i].free <= 0 then all = math.max(0, math.min(all, of[i].free)) end
  end
  for _, limit in ipairs(of) do
    if limit.counted ~= 'tokens' then limit.free, limit.held = limit.free - all, limit.held + all end
  end
  admitted[#admitted + 1] = all
  at = at + 2 + #of
end

local answer = {}
for _, limit in ipairs(limits) do
  local share = shareOf(limit)
  local more = math.max(0, moreFor[limit.counted](share) - limit.inHand)
  for _, value in ipairs({ limit.sum + limit.others, resetIn(limit), retryIn(limit), share, more }) do answer[#answer + 1] = value end
  local held = limit.held + limit.inHand + more
  local guarded = limit.unsure and now + limit.lasts or limit.guarded
  if guarded and guarded < now then guarded = nil end
  if held > 0 or guarded then limit.holders[replica] = { held, number, now + limit.lasts, guarded } end
  if next(limit.holders) then redis.call('HSET', limit.key, 'held', cmsgpack.pack(limit.holders))
  elseif limit.held_before then redis.call('HDEL', limit.key, 'held') end
  redis.call('EXPIRE', limit.key, limit.lasts + 1)
end
for _, all in ipairs(admitted) do answer[#answer + 1] = all end
return answer
`;
