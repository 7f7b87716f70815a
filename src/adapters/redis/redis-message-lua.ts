/** Answers a word for each. Tokens are kept as `cancel-tokens.ts` says. */
export const cancelLua = String.raw`
local mark, longest = '\31', 1000
local function repeated(tokens, token)
  if tokens == token then return 'cancelled' end
  return string.find((tokens or '') .. mark, mark .. token .. mark, 1, true) and 'running'
end
local count, reports = tonumber(arg()), {}
for item = 1, count do
  local id, token, reason = arg(), arg(), optional()
  local row = load(id)
  if not row then reports[item] = 'unknown'
  elseif row.phase == 'final' then reports[item] = repeated(row.cancelToken, token) or 'final'
  elseif row.cancelRequestedAt then
    if not repeated(row.cancelToken, token) then
      row.cancelToken = string.sub(mark .. token .. (row.cancelToken or ''), 1, longest)
      save(id, row)
    end
    reports[item] = 'running'
  else
    local isHeld = row.phase == 'leased'
    if not isHeld then leave(id, row) end
    row.cancelRequestedAt, row.cancelToken, row.reason = now, isHeld and mark .. token or token, reason and string.sub(reason, 2)
    if isHeld then save(id, row)
    else
      row.status, row.phase, row.completedAt, row.dueAt = 'cancelled', 'final', now, false
      enter(id, row)
      if row.checkpointRevision > 0 then save(id, row, 'b', '') else save(id, row) end
    end
    reports[item] = isHeld and 'running' or 'cancelled'
  end
  local heard = reports[item] == 'running' and told.cancelRequested or reports[item] == 'cancelled' and told.final
  if heard then heard[#heard + 1] = id end
end
flush()
tell()
return reports
`;

/** Answers, for each: a number, negative when it was stored before, or the refusal. */
export const signalsLua = `
local count, reports = tonumber(arg()), {}
for item = 1, count do
  local id, token, body = arg(), arg(), arg()
  local key = base .. 'sg:' .. id
  local row = load(id)
  local earlier = row and row.lastSignal > 0 and call('HGET', key, 't:' .. token)
  if not row then reports[item] = 'unknown'
  elseif earlier then reports[item] = -tonumber(earlier)
  elseif row.phase == 'final' then reports[item] = 'final'
  else
    local sequence = row.lastSignal + 1
    call('HSET', key, sequence, cmsgpack.pack({ now, token, body }), 't:' .. token, sequence)
    row.lastSignal = sequence
    if row.phase == 'parked' then
      leave(id, row)
      row.phase, row.lane, row.position, row.readySince, row.dueAt = 'ready', 0, nextPosition(), now, false
      enter(id, row)
    end
    save(id, row)
    reports[item] = sequence
  end
  if type(reports[item]) == 'number' then
    told.signalled[#told.signalled + 1] = id
    if row.phase == 'ready' then claimable = true end
  end
end
flush()
tell()
return reports
`;

/** Answers, for each: the last number or the refusal. */
export const eventsLua = `
local owner, maxEvents, count = optional(), tonumber(arg()), tonumber(arg())
local reports = {}
for item = 1, count do
  local id, fence, given = arg(), tonumber(arg()), tonumber(arg())
  local row = load(id)
  local isHeld = row and row.fence == fence
    and ((row.owner and row.owner == owner) or (not row.owner and (not owner or row.settledFence == fence)))
  if not isHeld then
    argument = argument + 2 * given
    reports[item] = row and 'superseded' or 'unknown'
  else
    local key = base .. 'ev:' .. id
    local known = row.lastEvent > 0 and call('HMGET', key, 'fence', 'ordinal', 'first') or {}
    local ordinal = tonumber(known[1]) == fence and tonumber(known[2]) or -math.huge
    local sequence, texts = row.lastEvent, {}
    for _ = 1, given do
      local its, body = tonumber(arg()), arg()
      if its > ordinal then
        ordinal, sequence = its, sequence + 1
        texts[#texts + 1] = sequence
        texts[#texts + 1] = cmsgpack.pack({ now, body })
      end
    end
    if sequence > row.lastEvent then
      write('HSET', key, texts)
      row.lastEvent = sequence
      local first = tonumber(known[3]) or 1
      while sequence - first >= maxEvents do call('HDEL', key, first); first = first + 1 end
      call('HSET', key, 'fence', fence, 'ordinal', ordinal, 'first', first)
      save(id, row)
    end
    reports[item] = row.lastEvent
  end
end
return reports
`;

/** Answers number, instant and text of each. */
const messagesLua = `
local function messages(key, from, to, bodyAt)
  local found = {}
  if from > to then return found end
  local places = {}
  for sequence = from, to do places[#places + 1] = sequence end
  for start = 1, #places, 4000 do
    local stop = math.min(start + 3999, #places)
    for offset, packed in ipairs(call('HMGET', key, unpack(places, start, stop))) do
      if packed then
        local message = cmsgpack.unpack(packed)
        found[#found + 1] = places[start + offset - 1]
        found[#found + 1] = message[1]
        found[#found + 1] = message[bodyAt]
      end
    end
  end
  return found
end
local id, after, limit = arg(), tonumber(arg()), tonumber(arg())
local row = load(id)
if not row then return {} end
`;

export const readSignalsLua = `
${messagesLua}
local from = math.max(after, row.consumedSignal) + 1
return messages(base .. 'sg:' .. id, from, math.min(row.lastSignal, from + limit - 1), 3)
`;

export const readEventsLua = `
${messagesLua}
if row.lastEvent == 0 then return {} end
local from = math.max(after + 1, tonumber(call('HGET', base .. 'ev:' .. id, 'first')) or 1)
return messages(base .. 'ev:' .. id, from, math.min(row.lastEvent, from + limit - 1), 2)
`;
