-- How Argo CD judges Tenant, AgentConfig, TenantClass and ModelProvider: by the conditions that the operator keeps (kstatus).
-- Degraded: a person must act. Progressing: wait. Suspended: nothing runs, as the spec says. Else Healthy.
local function verdict(status, message)
  return { status = status, message = message }
end

-- Without the operator's verdict an object is not there yet, whatever the API server says of it.
local unseen = verdict("Progressing", "the operator has not looked at it yet")
local generation = obj.metadata.generation
local status = obj.status

if obj.metadata.deletionTimestamp ~= nil then
  local finalizers = table.concat(obj.metadata.finalizers or {}, ", ")
  return verdict("Progressing", "being deleted; held by " .. finalizers)
end
if status == nil or status.conditions == nil then
  return unseen
end

-- What was said of an earlier spec says nothing of this one.
if status.observedGeneration ~= nil and status.observedGeneration ~= generation then
  return verdict("Progressing", "the operator has not looked at the latest spec yet")
end
local current = {}
for _, condition in ipairs(status.conditions) do
  if condition.observedGeneration == nil or condition.observedGeneration == generation then
    current[condition.type] = condition
  end
end
local function holds(type)
  return current[type] ~= nil and current[type].status == "True"
end

if holds("Stalled") then
  return verdict("Degraded", current.Stalled.message)
end
if current.Ready == nil then
  return unseen
end
if holds("Reconciling") then
  return verdict("Progressing", current.Reconciling.message)
end
if not holds("Ready") then
  return verdict("Progressing", current.Ready.message)
end
if current.Ready.reason == "Suspended" or current.Ready.reason == "Archived" then
  return verdict("Suspended", current.Ready.message)
end
return verdict("Healthy", current.Ready.message)
