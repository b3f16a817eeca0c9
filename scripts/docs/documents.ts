import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { asyncapi } from '@rekey/contracts/documents/asyncapi'
import { openapi } from '@rekey/contracts/documents/openapi'
import { securityDocument } from './security.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const json = (document: object) => `${JSON.stringify(document, null, 2)}\n`

/** The documents that are made from the contracts and the tests, by file. */
const documents = () =>
  Object.entries({
    'docs/openapi.json': json(openapi()),
    'docs/asyncapi.json': json(asyncapi()),
    'docs/security.md': securityDocument(root),
  }).map(([name, text]) => ({ name, path: new URL(`../../${name}`, import.meta.url), text }))

const read = (path: URL) => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Names of the documents that are not what the contracts and the tests say now. */
export const staleDocuments = (): string[] =>
  documents().flatMap(({ name, path, text }) => (read(path) === text ? [] : [name]))

export const writeDocuments = (): void => {
  for (const { path, text } of documents()) writeFileSync(path, text)
}
