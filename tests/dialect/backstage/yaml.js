// Writes values as `catalog:write` does: one JSON value a line in, one JSON text a line out.
//   node yaml.js NODE_MODULES
'use strict';
const path = require('path');
const fs = require('fs');
const yaml = require(path.join(path.resolve(process.argv[2]), 'yaml'));

for (const line of fs.readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
  process.stdout.write(`${JSON.stringify({ text: yaml.stringify(JSON.parse(line)) })}\n`);
}
