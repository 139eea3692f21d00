--[[
  Whether the store is known to hold the present (see `verified` in include/region.lua). Reads only.

  KEYS[1] region prefix
  Returns 1 or 0
]]
return verified() and 1 or 0
