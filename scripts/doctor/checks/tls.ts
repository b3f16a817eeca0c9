import type { Role } from '@rekey/platform/certificates'
import { createPartFetch, type Fetch } from '@rekey/platform/part-fetch'
import type { TlsSettings } from '@rekey/platform/tls-env'
import { parseTls, type TlsMaterial, tlsFiles, tlsRoles } from '@rekey/platform/tls-settings'
import { readTexts } from '@rekey/platform/watched-file'
import type { Check, Finding } from '../finding.ts'
import type { Subject } from '../subjects.ts'
import { judgeEnd } from './certificates.ts'

/** Undefined without files, and for files with an error, which the check of the configuration reports. */
const materialOf = (settings: TlsSettings, role: Role): TlsMaterial | undefined => {
  const files = tlsFiles(settings, role)
  try {
    return files.length === 0 ? undefined : parseTls(role, files, readTexts(files))
  } catch {
    return undefined
  }
}

/** Sends requests to the other service as this service does. */
export const partFetch = (settings: TlsSettings): Fetch => {
  const material = materialOf(settings, 'client')
  return material ? createPartFetch(() => material.context) : (url, init) => fetch(url, init)
}

const findingsOf = (settings: TlsSettings, role: Role): Finding[] => {
  const { own, ca } = materialOf(settings, role)?.expiry ?? {}
  const names = tlsRoles[role]
  return [
    ...(own === undefined ? [] : [judgeEnd(names.cert, new Date(own * 1_000))]),
    ...(ca === undefined ? [] : [judgeEnd(names.ca, new Date(ca * 1_000))]),
  ]
}

/** How long a service's own certificates, and the authorities that it trusts, are valid. */
export const ownCertificateChecks = ({ service, config }: Subject): Check[] => {
  const found = (['server', 'client'] as const).flatMap((role) => findingsOf(config, role))
  return found.length === 0 ? [] : [{ name: 'own certificates', service, run: () => found }]
}
