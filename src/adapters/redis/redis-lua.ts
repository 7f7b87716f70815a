/**
 * What scripts have in common. All keys of one coordinator's name begin with `base`, whose part in braces puts them into one slot of a
 * cluster. Keys, after `base`:
 *
 * - `r:<id>` a record: `x` its row (packed, see `redis-row.ts`), `s` what never changes, `i` input, `p` progress, `e` error, `b` checkpoint,
 *   `o` result; `sg:<id>` its signals, `ev:<id>` its events
 * - by sequence: `all`, `s:<status>`, `g:<group>`, `t:<tag>`
 * - by phase: `rd:<machine key>` claimable ones in the order of claims, `rs` the same by waiting time, `due`, `ls` by end of lease, `fin` by end
 * - `mk` machine keys that have claimable ones, `slots` holders by group, `keys` ids by idempotency key, `position`, `turn`
 * - `cl:<claim>` what a claim took, for a while; `rate` and `rates` claims in time
 */
export const commonLua = `
local base = KEYS[1]
local call = redis.call
local argument = 0
local function arg() argument = argument + 1; return ARGV[argument] end
local function optional() local value = arg(); return value ~= '' and value end
local function load(id)
  local packed = call('HGET', base .. 'r:' .. id, 'x')
  return packed and cmsgpack.unpack(packed)
end
`;

/** The time that instants of a script are counted from. */
export const serverTimeLua = `
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/** For scripts that write: indexes change in memory first, so that each is written to once. */
export const writingLua = String.raw`
local zsets, machines, slots = {}, {}, {}
local told = { final = {}, cancelRequested = {}, signalled = {} }
local claimable = false
local function put(key, member, score)
  local members = zsets[key]
  if not members then members = {}; zsets[key] = members end
  members[member] = score
end
local function save(id, row, ...) call('HSET', base .. 'r:' .. id, 'x', cmsgpack.pack(row), ...) end
local function nextPosition() return call('INCR', base .. 'position') end
local function place(position) return string.format('%016.0f', position) end
local function holders(group) return (tonumber(call('HGET', base .. 'slots', group)) or 0) + (slots[group] or 0) end
local function index(id, row, isThere)
  local phase, at = row.phase, place(row.position) .. '\0' .. id
  if phase == 'ready' then
    put(base .. 'rd:' .. row.machineKey, row.lane .. row.rank .. row.group .. '\0' .. at, isThere and 0)
    put(base .. 'rs', at, isThere and row.readySince)
    if isThere then machines[row.machineKey] = true end
  elseif phase == 'leased' then put(base .. 'ls', id, isThere and row.leaseExpiresAt)
  elseif phase == 'final' then put(base .. 'fin', id, isThere and row.completedAt)
  elseif row.dueAt then put(base .. 'due', at, isThere and row.dueAt) end
  put(base .. 's:' .. row.status, id, isThere and row.sequence)
  if row.holdsSlot == 1 and row.group ~= '' then slots[row.group] = (slots[row.group] or 0) + (isThere and 1 or -1) end
end
local function leave(id, row) index(id, row, false) end
local function enter(id, row) index(id, row, true) end
local function write(command, key, list)
  for from = 1, #list, 4000 do call(command, key, unpack(list, from, math.min(from + 3999, #list))) end
end
local function flush()
  for key, members in pairs(zsets) do
    local adds, removals = {}, {}
    for member, score in pairs(members) do
      if score then adds[#adds + 1] = score; adds[#adds + 1] = member else removals[#removals + 1] = member end
    end
    write('ZREM', key, removals)
    write('ZADD', key, adds)
  end
  for machine in pairs(machines) do call('SADD', base .. 'mk', machine) end
  for group, change in pairs(slots) do
    if change ~= 0 and call('HINCRBY', base .. 'slots', group, change) <= 0 then call('HDEL', base .. 'slots', group) end
  end
  zsets, machines, slots = {}, {}, {}
end
local function tell()
  if #told.final > 0 then call('PUBLISH', base .. 'final', cjson.encode(told.final)) end
  for _, kind in ipairs({ 'cancelRequested', 'signalled' }) do
    if #told[kind] > 0 then call('PUBLISH', base .. 'control', cjson.encode({ kind, told[kind] })) end
  end
  if claimable then call('PUBLISH', base .. 'work', '') end
end
local function refusal(row, owner, fence)
  if not row then return 'unknown' end
  if row.phase == 'final' then return 'final' end
  if row.fence ~= fence or row.owner ~= owner or not row.leaseExpiresAt then return 'superseded' end
  return row.leaseExpiresAt <= now and 'expired'
end
local function promoteDue()
  local due = call('ZRANGEBYSCORE', base .. 'due', '-inf', now, 'LIMIT', 0, 1000)
  if #due == 0 then return 0 end
  for _, at in ipairs(due) do
    local id = string.sub(at, 18)
    local row = load(id)
    leave(id, row)
    row.phase, row.lane, row.position, row.readySince, row.dueAt = 'ready', row.status == 'running' and 0 or 1, nextPosition(), now, false
    enter(id, row)
    save(id, row)
  end
  flush()
  return #due
end
`;
