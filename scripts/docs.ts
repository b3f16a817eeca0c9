import { readFileSync, writeFileSync } from 'node:fs'
import { asyncapi } from '@rekey/contracts/documents/asyncapi'
import { openapi } from '@rekey/contracts/documents/openapi'

const documents = { 'docs/openapi.json': openapi(), 'docs/asyncapi.json': asyncapi() }
const onlyCheck = process.argv.includes('--check')

const read = (path: URL) => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

for (const [name, document] of Object.entries(documents)) {
  const path = new URL(`../${name}`, import.meta.url)
  const text = `${JSON.stringify(document, null, 2)}\n`
  if (!onlyCheck) {
    writeFileSync(path, text)
  } else if (read(path) !== text) {
    console.error(`${name} is not what the contracts say now. Write it anew: npm run docs`)
    process.exitCode = 1
  }
}
