#!/usr/bin/env node
console.log('tenant-dr');
