import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { auth0 } from './auth0.ts'
import { authentik } from './authentik.ts'
import { createFirebase } from './firebase.ts'
import { keycloak } from './keycloak.ts'
import { kratos } from './kratos.ts'
import { supabase } from './supabase.ts'
import type { System } from './system.ts'

interface Options {
  /** File of Firebase's hash parameters. */
  parameters?: string | undefined
}

const systems: Record<string, (options: Options) => System> = {
  keycloak: () => keycloak,
  kratos: () => kratos,
  supabase: () => supabase,
  auth0: () => auth0,
  authentik: () => authentik,
  firebase: ({ parameters }) => createFirebase(parameters),
}
export const systemNames = Object.keys(systems)

export interface Summary {
  customers: number
  /** Customers who have to restore their password, by reason. */
  withoutPassword: Map<string, number>
  /** Second factors that are left out, by reason. */
  factorsLeftOut: Map<string, number>
  /** Users that are no customers here, with the reason: number in the export, from 1. */
  refused: { user: number; reason: string }[]
}

const countOne = (counts: Map<string, number>, reason: string) => {
  counts.set(reason, (counts.get(reason) ?? 0) + 1)
}

/**
 * Converts an export to the NDJSON of an import. The target is complete or not there. Only its owner may read it: it
 * contains hashes and secrets.
 *
 * @throws Error that says what is wrong with the export or the options
 */
export const convertExport = async (name: string, from: string, to: string, options: Options): Promise<Summary> => {
  const create = systems[name]
  if (!create) throw new Error(`Unknown system: ${name}. There are ${systemNames.join(', ')}.`)
  const system = create(options)
  const summary: Summary = { customers: 0, withoutPassword: new Map(), factorsLeftOut: new Map(), refused: [] }
  async function* toLines(): AsyncGenerator<string> {
    let user = 0
    for await (const value of system.read(from)) {
      user += 1
      try {
        const { record, withoutPassword, factorsLeftOut = [] } = system.convert(value)
        if (withoutPassword) countOne(summary.withoutPassword, withoutPassword)
        for (const reason of factorsLeftOut) countOne(summary.factorsLeftOut, reason)
        summary.customers += 1
        yield `${JSON.stringify(record)}\n`
      } catch (error) {
        summary.refused.push({ user, reason: (error as Error).message })
      }
    }
  }

  const partial = `${to}.partial`
  try {
    await pipeline(toLines, createWriteStream(partial, { mode: 0o600 }))
    await rename(partial, to)
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  }
  return summary
}
