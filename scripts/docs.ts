import { writeDocuments } from './docs/documents.ts'

// npm run docs: writes the OpenAPI and AsyncAPI documents, and the table of security lines, anew.
writeDocuments()
