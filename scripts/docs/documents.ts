import { readFileSync, writeFileSync } from 'node:fs'
import { asyncapi } from '@rekey/contracts/documents/asyncapi'
import { openapi } from '@rekey/contracts/documents/openapi'

/** The documents that are made from the contracts, by file. */
const documents = () =>
  Object.entries({ 'docs/openapi.json': openapi(), 'docs/asyncapi.json': asyncapi() }).map(([name, document]) => ({
    name,
    path: new URL(`../../${name}`, import.meta.url),
    text: `${JSON.stringify(document, null, 2)}\n`,
  }))

const read = (path: URL) => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Names of the documents that are not what the contracts say now. */
export const staleDocuments = (): string[] =>
  documents().flatMap(({ name, path, text }) => (read(path) === text ? [] : [name]))

export const writeDocuments = (): void => {
  for (const { path, text } of documents()) writeFileSync(path, text)
}
