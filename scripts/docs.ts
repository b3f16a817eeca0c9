import { writeDocuments } from './docs/documents.ts'

// npm run docs: generates the documents and the broker's permissions from the contracts and the tests.
await writeDocuments()
