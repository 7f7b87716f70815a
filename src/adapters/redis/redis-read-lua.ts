export const getLua = `
local found = {}
for item = 1, #ARGV do
  local parts = call('HMGET', base .. 'r:' .. arg(), 'x', 's', 'i', 'p', 'e', 'b', 'o')
  found[item] = parts[1] and parts or false
end
return found
`;

/** How many entries of an index one call looks at. */
const maxLooked = 2_000;

/**
 * Walks over the smallest index of what is asked for, from the cursor on. Answers the sequence from which to go on, or -1, and what it
 * found: sequence, id, parts.
 */
export const listLua = `
local isNewest, cursor, limit, status, group, tag = arg() == '1', arg(), tonumber(arg()), optional(), optional(), optional()
local indexes = {}
if status then indexes[#indexes + 1] = base .. 's:' .. status end
if group then indexes[#indexes + 1] = base .. 'g:' .. group end
if tag then indexes[#indexes + 1] = base .. 't:' .. tag end
if #indexes == 0 then indexes[1] = base .. 'all' end
local smallest, fewest = 1, math.huge
for n, key in ipairs(indexes) do
  local size = call('ZCARD', key)
  if size < fewest then smallest, fewest = n, size end
end
local walked = table.remove(indexes, smallest)
local found, looked, last = {}, 0, nil
while #found < limit and looked < ${maxLooked} do
  local from = last and '(' .. last or cursor
  local count = math.min(${maxLooked}, #indexes == 0 and limit - #found or 200)
  local entries = isNewest
    and call('ZREVRANGEBYSCORE', walked, from, '-inf', 'WITHSCORES', 'LIMIT', 0, count)
    or call('ZRANGEBYSCORE', walked, from, '+inf', 'WITHSCORES', 'LIMIT', 0, count)
  for n = 1, #entries, 2 do
    local id, sequence = entries[n], entries[n + 1]
    looked, last = looked + 1, sequence
    local matches = true
    for _, key in ipairs(indexes) do if not call('ZSCORE', key, id) then matches = false; break end end
    if matches then
      local parts = call('HMGET', base .. 'r:' .. id, 'x', 's', 'p', 'e', 'o')
      found[#found + 1] = { id, parts[1], parts[2], false, parts[3], parts[4], false, parts[5] }
      if #found == limit then break end
    end
  end
  if #entries < 2 * count then last = nil; break end
end
return { last or '', found }
`;

/** Answers the number of each status, of those that nobody holds a lease of though they run, and of the claimable by machine key. */
export const countsLua = `
local counts = {}
for n, status in ipairs({ 'queued', 'running', 'completed', 'failed', 'cancelled' }) do counts[n] = call('ZCARD', base .. 's:' .. status) end
counts[6] = counts[2] - call('ZCARD', base .. 'ls')
counts[7] = {}
for n, key in ipairs(call('SMEMBERS', base .. 'mk')) do
  counts[7][2 * n - 1], counts[7][2 * n] = key, call('ZCARD', base .. 'rd:' .. key)
end
return counts
`;

export const overdueLua = `
local ids = {}
for n, at in ipairs(call('ZRANGEBYSCORE', base .. 'rs', '-inf', now - tonumber(arg()), 'LIMIT', 0, tonumber(arg()))) do
  ids[n] = string.sub(at, 18)
end
return ids
`;

export const groupsLua = `
local groups = {}
for item = 1, #ARGV do local row = load(arg()); groups[item] = row and row.group or '' end
return groups
`;

export const removeLua = `
local before, limit = now - tonumber(arg()), tonumber(arg())
local ids = call('ZRANGEBYSCORE', base .. 'fin', '-inf', '(' .. string.format('%.17g', before), 'LIMIT', 0, limit)
for _, id in ipairs(ids) do
  local row = load(id)
  leave(id, row)
  put(base .. 'all', id, false)
  if row.group ~= '' then put(base .. 'g:' .. row.group, id, false) end
  if row.tags then for _, tag in ipairs(cjson.decode(row.tags)) do put(base .. 't:' .. tag, id, false) end end
  if row.idempotencyKey then call('HDEL', base .. 'keys', row.idempotencyKey) end
  call('UNLINK', base .. 'r:' .. id)
  if row.lastSignal > 0 then call('UNLINK', base .. 'sg:' .. id) end
  if row.lastEvent > 0 then call('UNLINK', base .. 'ev:' .. id) end
end
flush()
return #ids
`;
