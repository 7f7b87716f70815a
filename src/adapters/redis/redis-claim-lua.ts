/** What is known of a claim before it looks at anything. */
const claimArgumentsLua = `
local owner, claimId, limit, leaseMs, memoryMs = arg(), arg(), tonumber(arg()), tonumber(arg()), arg()
local machinePrefix, keyCount, wanted = arg(), tonumber(arg()), {}
for _ = 1, keyCount do wanted[arg()] = true end
local rateLimit, rateInterval = tonumber(arg()), tonumber(arg())
local groupMode, groupLimit, groupCount, groupLimits = arg(), tonumber(arg()), tonumber(arg()), {}
for _ = 1, groupCount do local group = arg(); groupLimits[group] = tonumber(arg()) end
local idCount, ids = tonumber(arg()), {}
for item = 1, idCount do ids[item] = arg() end
local function runs(key)
  if keyCount < 0 then return string.sub(key, 1, #machinePrefix) == machinePrefix end
  return wanted[key]
end
`;

/**
 * How many more of a group may hold a slot. Limits that only a function of the caller knows come with the claim, as far as they were known
 * when it was sent: groups whose limit is missing are reported, and the claim is sent again with them. The last time they are passed over.
 */
const roomsLua = `
local rooms, unknown = {}, {}
local function room(group)
  if groupMode == '' or group == '' then return math.huge end
  local left = rooms[group]
  if not left then
    local most = groupLimit or groupLimits[group]
    if most then left = most - holders(group)
    elseif groupMode == 'last' then left = 0
    else unknown[#unknown + 1] = group; left = math.huge end
    rooms[group] = left
  end
  return left
end
local function use(group, count) if rooms[group] then rooms[group] = rooms[group] - count end end
`;

/** Claims are counted on: a limit is the difference between the count now and the one before its interval. */
const ratesLua = `
local function countBefore(instant, withScore)
  return call('ZREVRANGEBYSCORE', base .. 'rates', instant, '-inf', 'WITHSCORES', 'LIMIT', 0, 1)
end
local function rateRoom()
  if not rateLimit then return math.huge end
  local total = tonumber(call('HGET', base .. 'rate', 'total')) or 0
  return math.max(0, rateLimit - total + (tonumber(countBefore(now - rateInterval)[1]) or 0))
end
local function recordClaims(count)
  local total = call('HINCRBY', base .. 'rate', 'total', count)
  call('ZADD', base .. 'rates', now, place(total))
  local span = tonumber(call('HGET', base .. 'rate', 'span')) or 0
  if rateInterval > span then span = rateInterval; call('HSET', base .. 'rate', 'span', span) end
  local last = countBefore(now - span)
  if last[2] then call('ZREMRANGEBYSCORE', base .. 'rates', '-inf', '(' .. last[2]) end
end
`;

/**
 * The order of `claim-plan.ts`: by lane and priority, among equals the groups in turn, within a group the oldest. A bucket's members begin
 * with its level (17 letters) and its group; no text goes on with byte 255.
 */
const planLua = String.raw`
local taken, turn, cutAt = {}, nil, nil
local stored = call('GET', base .. 'turn')
local turnKey, turnGroup
if stored then stored = cmsgpack.unpack(stored); turnKey, turnGroup = stored[1], stored[2] end
local function firstAfter(key, from, to) return call('ZRANGEBYLEX', base .. 'rd:' .. key, '(' .. from, to or '+', 'LIMIT', 0, 1)[1] end
local function runnableKeys()
  local found = {}
  for _, key in ipairs(call('SMEMBERS', base .. 'mk')) do
    if runs(key) then
      if call('EXISTS', base .. 'rd:' .. key) == 1 then found[#found + 1] = key else call('SREM', base .. 'mk', key) end
    end
  end
  table.sort(found)
  return found
end
local function bucketsOf(level, keys)
  local isTurned, place, from, to = false, 1, level, nil
  local turnPlace = nil
  if turnKey then
    for n, key in ipairs(keys) do if key == turnKey then turnPlace = n; break elseif key < turnKey then place = n + 1 end end
    if turnPlace then place = turnPlace; from = level .. turnGroup .. '\0\255' end
  end
  if not turnKey or (place == 1 and not turnPlace) then isTurned = true end
  local lastPlace = #keys
  return function()
    while true do
      if place > lastPlace then
        if isTurned then return nil end
        isTurned, from = true, level
        lastPlace = turnPlace or place - 1
        if not turnPlace then
          lastPlace = 0
          for n, key in ipairs(keys) do if key < turnKey then lastPlace = n end end
        end
        place = 1
      else
        local key = keys[place]
        to = (isTurned and turnPlace == place) and '[' .. level .. turnGroup .. '\0\255' or nil
        local member = firstAfter(key, from, to)
        if member and string.sub(member, 1, 17) == level then
          local group = string.sub(member, 18, string.find(member, '\0', 18, true) - 1)
          from = level .. group .. '\0\255'
          return { key = key, group = group, last = level .. group .. '\0', stop = '(' .. from }
        end
        place, from = place + 1, level
      end
    end
  end
end
local function take(buckets, share, need, remaining)
  for _, bucket in ipairs(buckets) do
    local want = math.min(share, need, room(bucket.group))
    if want > 0 then
      local members = call('ZRANGEBYLEX', base .. 'rd:' .. bucket.key, '(' .. bucket.last, bucket.stop, 'LIMIT', 0, want)
      for _, member in ipairs(members) do taken[#taken + 1] = string.sub(member, 36 + #bucket.group) end
      if #members > 0 then turn = bucket; bucket.last = members[#members] end
      use(bucket.group, #members)
      need = need - #members
      if #members == want then remaining[#remaining + 1] = bucket end
    end
  end
  return need
end
local function serve(buckets, need)
  while #buckets > 0 and need > 0 do
    local remaining = {}
    need = take(buckets, math.max(1, math.floor(need / #buckets)), need, remaining)
    buckets = remaining
  end
  return need
end
local function plan(need)
  local keys = runnableKeys()
  local heads, looks = {}, 0
  for _, key in ipairs(keys) do heads[key] = firstAfter(key, '') end
  while need > 0 and looks < 4000 do
    local level
    for _, head in pairs(heads) do
      local its = string.sub(head, 1, 17)
      if not level or its < level then level = its end
    end
    if not level then break end
    local nextBucket, isOver, passed, served = bucketsOf(level, keys), false, 0, {}
    while need > 0 and not isOver do
      local buckets, open = {}, 0
      while open < need do
        local bucket = nextBucket()
        if not bucket then isOver = true; break end
        buckets[#buckets + 1] = bucket
        if room(bucket.group) > 0 then open = open + 1 else passed = passed + 1 end
        if passed >= 1000 then isOver = true; cutAt = bucket; break end
      end
      -- With more buckets than places each gets one, before any gets another.
      if isOver and #served == 0 then served = buckets else need = take(buckets, 1, need, served) end
    end
    need = serve(served, need)
    looks = looks + passed + 1
    for key, head in pairs(heads) do if string.sub(head, 1, 17) == level then heads[key] = firstAfter(key, level .. '\255') end end
  end
  -- What was not looked at this time is looked at first the next time.
  if need > 0 and cutAt then turn = cutAt end
end
`;

const byIdLua = `
local refused = {}
local function pickIds(places)
  local seen = {}
  for _, id in ipairs(ids) do
    if not seen[id] then
      seen[id] = true
      local row, reason = load(id), nil
      if not row then reason = 'unknown'
      elseif row.phase == 'final' or row.phase == 'leased' then reason = row.phase
      elseif row.phase ~= 'ready' then reason = 'notDue'
      elseif not runs(row.machineKey) then reason = 'machine'
      elseif (rateLimit and #taken >= places) or room(row.group) <= 0 then reason = 'limited' end
      if reason then refused[#refused + 1] = id; refused[#refused + 1] = reason
      else use(row.group, 1); taken[#taken + 1] = id end
    end
  end
end
`;

/** Answers: milliseconds until more is due or -1, refused ids with reasons, groups whose limits are missing, executions. */
const leaseLua = `
local parts = { 'x', 's', 'i', 'p', 'e', 'b' }
local function whole(id) local found = call('HMGET', base .. 'r:' .. id, unpack(parts)); found[7] = false; found[8] = id; return found end
local function recall()
  local earlier = call('GET', base .. 'cl:' .. claimId)
  if not earlier then return end
  local held, pairsOf = {}, cmsgpack.unpack(earlier)
  for item = 1, #pairsOf, 2 do
    local row = load(pairsOf[item])
    if row and row.fence == pairsOf[item + 1] and row.phase == 'leased' then held[#held + 1] = whole(pairsOf[item]) end
  end
  return held
end
local function lease(id)
  local found = whole(id)
  local row = cmsgpack.unpack(found[1])
  leave(id, row)
  row.status, row.phase, row.owner, row.leaseExpiresAt, row.fence = 'running', 'leased', owner, now + leaseMs, row.fence + 1
  row.attempt, row.attemptStep, row.holdsSlot, row.dueAt, row.startedAt = row.attempt + row.attemptStep, 0, 1, false, row.startedAt or now
  enter(id, row)
  found[1] = cmsgpack.pack(row)
  call('HSET', base .. 'r:' .. id, 'x', found[1])
  return found, row.fence
end
local function nextDue()
  local due = tonumber(call('ZRANGE', base .. 'due', 0, 0, 'WITHSCORES')[2])
  if rateLimit and rateRoom() == 0 then
    local oldest = tonumber(call('ZRANGEBYSCORE', base .. 'rates', '(' .. now - rateInterval, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2])
    if oldest and (not due or oldest + rateInterval < due) then due = oldest + rateInterval end
  end
  return due and math.max(0, due - now) or -1
end
local function claim()
  local held = recall()
  if held then return { -1, {}, {}, held } end
  promoteDue()
  local places = math.min(limit, rateRoom())
  if idCount < 0 then plan(places) else pickIds(places) end
  if #unknown > 0 then return { -1, {}, unknown, {} } end
  local executions, memory = {}, {}
  for item, id in ipairs(taken) do
    local found, fence = lease(id)
    executions[item] = found
    memory[2 * item - 1], memory[2 * item] = id, fence
  end
  if turn and (turn.key ~= turnKey or turn.group ~= turnGroup) then call('SET', base .. 'turn', cmsgpack.pack({ turn.key, turn.group })) end
  if #taken > 0 then
    call('SET', base .. 'cl:' .. claimId, cmsgpack.pack(memory), 'PX', memoryMs)
    if rateLimit then recordClaims(#taken) end
  end
  flush()
  return { #taken < limit and nextDue() or -1, refused, {}, executions }
end
`;

export const claimLua = [claimArgumentsLua, roomsLua, ratesLua, planLua, byIdLua, leaseLua].join("\n");
