import type { Feature } from '@rekey/platform/feature'
import type { Tokens } from '../tokens/tokens.ts'
import { apiDocumentRoutes } from './api-documents.routes.ts'

interface Settings {
  REKEY_API_DOCS: boolean
}

/** The API documents, and pages that show them. */
export const createApiDocuments = ({ REKEY_API_DOCS }: Settings, { issuer }: Pick<Tokens, 'issuer'>): Feature =>
  REKEY_API_DOCS ? { routes: (app) => apiDocumentRoutes(app, { url: issuer }) } : {}
