// Prints each diagnostic of an AsyncAPI document, and fails if there is an error or a warning.
import { readFileSync } from 'node:fs'
import { Parser } from '@asyncapi/parser'

const [path] = process.argv.slice(2)
const { diagnostics } = await new Parser().parse(readFileSync(path, 'utf8'))
/** 0: error, 1: warning; informations and hints follow. */
const found = diagnostics.filter(({ severity }) => severity <= 1)
for (const { code, message, path: place } of found) console.log(`${place.join('.')}: ${message} (${code})`)
process.exitCode = found.length > 0 ? 1 : 0
