import { rowLiteral } from "./redis-script.ts";

const newRow = rowLiteral({
  sequence: "0",
  queuedAt: "now",
  startToken: "token",
  inputHash: "hash",
  idempotencyKey: "key",
  rank: "rank",
  group: "group",
  machineId: "machineId",
  machineKey: "machineKey",
  maxTakeovers: "maxTakeovers",
  tags: "tags",
  status: "'queued'",
  phase: "dueAt and 'delayed' or 'ready'",
  lane: "1",
  position: "0",
  readySince: "now",
  attempt: "0",
  attemptStep: "1",
  takeovers: "0",
  fence: "0",
  settledFence: "0",
  holdsSlot: "0",
  dueAt: "dueAt",
  lastSignal: "0",
  consumedSignal: "0",
  lastEvent: "0",
  checkpointRevision: "0",
  slotOrder: "0",
});

/** All is decided before anything is written. Texts that may be empty come with a sign before them. */
export const insertLua = `
local atomic, spoiled, maxQueued, count = arg() == '1', arg() == '1', tonumber(arg()), tonumber(arg())
local queued = maxQueued and call('ZCARD', base .. 's:queued') or 0
local reports, accepted, rows, keys, isPlain = {}, {}, {}, {}, true
local function existing(id, token, hash, key)
  local sameKey = key and (keys[key] or call('HGET', base .. 'keys', key))
  local found = sameKey or id
  local row = rows[found] or load(found)
  if not row then return end
  if row.startToken == token then return { 'repeated', found, row.queuedAt } end
  if not sameKey then return { 'duplicate', found } end
  return { row.inputHash == hash and 'existing' or 'conflict', found }
end
for item = 1, count do
  local id, token, hash, key, rank, group, machineId, machineKey = arg(), arg(), optional(), optional(), arg(), arg(), arg(), arg()
  local maxTakeovers, delayMs, tags, fixed, input = tonumber(arg()), tonumber(arg()), optional(), arg(), arg()
  local report = existing(id, token, hash, key)
  if not report and maxQueued and queued >= maxQueued then report = { 'full', '', queued } end
  if report then
    isPlain = false
    if report[1] ~= 'repeated' and report[1] ~= 'existing' then spoiled = true end
  else
    local dueAt = delayMs > 0 and now + delayMs
    local row = ${newRow}
    queued = queued + 1
    rows[id] = row
    if key then keys[key] = id end
    accepted[#accepted + 1] = { id, fixed, input }
    report = { 'inserted', id, now }
  end
  reports[item] = report
end
if atomic and spoiled then
  for _, report in ipairs(reports) do if report[1] == 'inserted' or report[1] == 'repeated' then report[1] = 'atomic' end end
  return reports
end
if #accepted > 0 then
  local position = call('INCRBY', base .. 'position', #accepted) - #accepted
  for _, item in ipairs(accepted) do
    local id, row = item[1], rows[item[1]]
    position = position + 1
    row.sequence, row.position = position, position
    save(id, row, 's', item[2], 'i', item[3])
    if row.idempotencyKey then call('HSET', base .. 'keys', row.idempotencyKey, id) end
    put(base .. 'all', id, position)
    if row.group ~= '' then put(base .. 'g:' .. row.group, id, position) end
    if row.tags then for _, tag in ipairs(cjson.decode(row.tags)) do put(base .. 't:' .. tag, id, position) end end
    enter(id, row)
  end
  claimable = true
  flush()
  tell()
end
return isPlain and { now } or reports
`;
