import type { SigningAlgorithm } from '@rekey/contracts'
import type { Infrastructure } from '../infrastructure.ts'
import type { Limits } from '../limits/limits.ts'
import { createClientAuthentication } from './authentication.ts'
import { loadClientRegistry } from './client-registry.ts'
import { createIdentifyOwner } from './identify-owner.ts'

interface Settings {
  REKEY_PROFILE: 'sandbox' | 'production'
  REKEY_CLIENTS_FILE?: string
  REKEY_DEFAULT_CLIENT_ID?: string
  REKEY_BACK_OFFICE_FOUR_EYES: boolean
}

interface Deps {
  limits: Pick<Limits, 'spendToken'>
  signingKeys: { signsWith(algorithm: SigningAlgorithm): boolean }
}

/** Who may call: the registry of OAuth clients and client authentication. */
export const createClients = (
  { log }: Infrastructure,
  config: Settings,
  { limits, signingKeys: { signsWith } }: Deps,
) => {
  const profile = config.REKEY_PROFILE
  const defaultClientId = config.REKEY_DEFAULT_CLIENT_ID ?? (profile === 'sandbox' ? 'ib_localhost' : undefined)
  const registry = loadClientRegistry({
    path: config.REKEY_CLIENTS_FILE,
    profile,
    defaultClientId,
    fourEyes: config.REKEY_BACK_OFFICE_FOUR_EYES,
    signsWith,
    log,
  })
  const authentication = createClientAuthentication({ registry, limits })
  return {
    ...registry,
    ...authentication,
    ...createIdentifyOwner(authentication),
    /** The client of a restore that names none; undefined: such restores are refused, and there is no hosted restore. */
    defaultClientId,
  }
}

export type Clients = ReturnType<typeof createClients>
