/** Answers one number, the instant, when all of them completed; else three texts for each: status or refusal, instant, kind. */
export const settleLua = `
local function statusOf(row) return row.status == 'running' and 'queued' or row.status end
local function requeue(row, delayMs)
  row.status, row.lane, row.readySince, row.dueAt = 'queued', 1, now, delayMs > 0 and now + delayMs
  row.phase = row.dueAt and 'delayed' or 'ready'
end
local function settle(owner, id, fence, kind, body, delayMs, isAbandoned, isDropped, progress)
  local row = load(id)
  if row and row.settledFence == fence then return statusOf(row), row.completedAt or row.dueAt or row.readySince, 'repeated' end
  local reason = refusal(row, owner, fence)
  if reason then return reason, 0, 'refused' end
  leave(id, row)
  local texts = {}
  local function text(field, value) texts[#texts + 1] = field; texts[#texts + 1] = value end
  row.owner, row.leaseExpiresAt, row.holdsSlot, row.settledFence = false, false, 0, fence
  if progress then text('p', progress) end
  local isCancelled = row.cancelRequestedAt
  if not isCancelled and (kind == 'retry' or kind == 'release') then
    if kind == 'retry' then
      row.position, row.attemptStep, row.hasError = nextPosition(), 1, 1
      text('e', body)
      if isDropped then
        if row.checkpointRevision > 0 then text('b', '') end
        row.checkpointRevision = 0
      end
    end
    requeue(row, delayMs)
  else
    row.phase, row.completedAt = 'final', now
    if isAbandoned then row.abandoned = 1 end
    if row.checkpointRevision > 0 then text('b', '') end
    if isCancelled then row.status = 'cancelled'
    elseif kind == 'complete' then
      row.status = 'completed'
      if body ~= '' then text('o', body) end
      if row.hasError then text('e', ''); row.hasError = false end
    elseif kind == 'fail' then
      row.status = 'failed'
      text('e', body)
    else
      row.status, row.reason = 'cancelled', body ~= '' and string.sub(body, 2)
    end
    told.final[#told.final + 1] = id
  end
  enter(id, row)
  save(id, row, unpack(texts))
  if row.phase == 'ready' then claimable = true end
  return statusOf(row), row.completedAt or row.dueAt or now, 'settled'
end
local function settleAll(owner, count)
  local reports, isPlain = {}, true
  for item = 1, count do
    local id, fence, kind, body, delayMs = arg(), tonumber(arg()), arg(), arg(), tonumber(arg())
    local isAbandoned, isDropped, progress = arg() == '1', arg() == '1', optional()
    local status, at, how = settle(owner, id, fence, kind, body, delayMs, isAbandoned, isDropped, progress)
    reports[3 * item - 2], reports[3 * item - 1], reports[3 * item] = status, at, how
    isPlain = isPlain and status == 'completed' and how == 'settled'
  end
  flush()
  return isPlain and { now } or reports
end
`;

/** Answers, for each: a text with the refusal, or what was stored for the holder. */
const newsLua = `
local function news(row, first) return { first, row.cancelRequestedAt and 1 or 0, row.lastSignal, row.reason } end
`;

export const renewLua = `
${newsLua}
local owner, leaseMs, count = arg(), tonumber(arg()), tonumber(arg())
local reports = {}
for item = 1, count do
  local id, fence = arg(), tonumber(arg())
  local row = load(id)
  local reason = refusal(row, owner, fence)
  if reason then reports[item] = reason
  else
    row.leaseExpiresAt = now + leaseMs
    put(base .. 'ls', id, row.leaseExpiresAt)
    save(id, row)
    reports[item] = news(row, row.leaseExpiresAt)
  end
end
flush()
return reports
`;

export const slotsLua = `
local owner, groupLimit, groupCount, groupLimits, count = arg(), tonumber(arg()), tonumber(arg()), {}, 0
for _ = 1, groupCount do local group = arg(); groupLimits[group] = tonumber(arg()) end
count = tonumber(arg())
local reports = {}
for item = 1, count do
  local id, fence, change, order = arg(), tonumber(arg()), arg(), tonumber(arg())
  local row = load(id)
  local reason = refusal(row, owner, fence)
  local isLate = not reason and order and order < row.slotOrder
  if not reason and not isLate and change == 'take' and row.holdsSlot == 0 and row.group ~= '' then
    if (groupLimit or groupLimits[row.group] or 0) - holders(row.group) <= 0 then reason = 'limited' end
  end
  if not reason and not isLate then
    leave(id, row)
    row.holdsSlot, row.slotOrder = change == 'yield' and 0 or 1, order or row.slotOrder
    enter(id, row)
    save(id, row)
    if change == 'yield' then claimable = true end
  end
  reports[item] = reason or ''
end
flush()
tell()
return reports
`;

/** Checkpoints, and the same with parking. */
export const saveLua = String.raw`
${newsLua}
local function dropSignals(id, upTo, before)
  local key = base .. 'sg:' .. id
  local first = tonumber(call('HGET', key, 'first')) or 1
  local from = first
  while first <= upTo do
    local packed = call('HGET', key, first)
    if packed then
      local signal = cmsgpack.unpack(packed)
      if signal[1] >= before then break end
      call('HDEL', key, first, 't:' .. signal[2])
    end
    first = first + 1
  end
  if first > from then call('HSET', key, 'first', first) end
end
local owner, isPark, count = arg(), arg() == '1', tonumber(arg())
local reports = {}
for item = 1, count do
  local id, fence, progress, revision, body = arg(), tonumber(arg()), optional(), tonumber(arg()), arg()
  local consumed, version, wakeInMs = tonumber(arg()), optional(), tonumber(arg())
  local row = load(id)
  local reason
  if isPark and row and row.settledFence == fence then reason = 'repeated' else reason = refusal(row, owner, fence) end
  if not reason and isPark then
    if row.cancelRequestedAt then reason = 'cancelRequested' elseif row.lastSignal > consumed then reason = 'unreadSignal' end
  end
  if reason then reports[item] = reason
  else
    local isStale = not isPark and revision and revision <= row.checkpointRevision
    if not isStale then
      local texts = {}
      if progress then texts[1] = 'p'; texts[2] = progress end
      if revision then
        texts[#texts + 1] = 'b'; texts[#texts + 1] = body
        row.checkpointRevision, row.consumedSignal = revision, math.max(row.consumedSignal, consumed)
        if version then
          row.machineVersion = string.sub(version, 2)
          row.machineKey = row.machineId .. '\1' .. row.machineVersion
        end
      end
      if isPark then
        leave(id, row)
        row.phase, row.owner, row.leaseExpiresAt, row.holdsSlot, row.settledFence = 'parked', false, false, 0, fence
        row.dueAt = wakeInMs and now + wakeInMs or false
        enter(id, row)
      end
      save(id, row, unpack(texts))
      if revision and row.lastSignal > 0 then dropSignals(id, row.consumedSignal, now - 300000) end
    end
    reports[item] = news(row, isStale and 1 or 0)
  end
end
flush()
return reports
`;

/** Answers: milliseconds until the next lease expires or -1, how many were due, what was taken over, lost, cancelled. */
export const sweepLua = `
local limit, lostError = tonumber(arg()), arg()
local due = promoteDue()
local takenOver, lost, cancelled = {}, {}, {}
for _, id in ipairs(call('ZRANGEBYSCORE', base .. 'ls', '-inf', now, 'LIMIT', 0, limit)) do
  local row = load(id)
  leave(id, row)
  row.owner, row.leaseExpiresAt, row.holdsSlot = false, false, 0
  if row.cancelRequestedAt or row.takeovers >= row.maxTakeovers then
    local isLost = not row.cancelRequestedAt
    row.phase, row.completedAt = 'final', now
    if isLost then
      row.status, row.takeovers = 'failed', row.takeovers + 1
      lost[#lost + 1] = id
    else
      row.status = 'cancelled'
      cancelled[#cancelled + 1] = id
    end
    told.final[#told.final + 1] = id
    if row.checkpointRevision > 0 then call('HSET', base .. 'r:' .. id, 'b', '') end
    if isLost then save(id, row, 'e', lostError) else save(id, row) end
  else
    row.status, row.phase, row.lane, row.readySince, row.takeovers, row.attemptStep = 'queued', 'ready', 1, now, row.takeovers + 1, 1
    takenOver[#takenOver + 1] = id
    save(id, row)
  end
  enter(id, row)
end
flush()
claimable = #takenOver + due > 0
tell()
for _, key in ipairs(call('SMEMBERS', base .. 'mk')) do
  if call('EXISTS', base .. 'rd:' .. key) == 0 then call('SREM', base .. 'mk', key) end
end
local nextExpiry = tonumber(call('ZRANGE', base .. 'ls', 0, 0, 'WITHSCORES')[2])
return { nextExpiry and math.max(0, nextExpiry - now) or -1, due, takenOver, lost, cancelled }
`;
