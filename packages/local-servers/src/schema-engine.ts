import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { PrismaPg } from '@prisma/adapter-pg'
import { bindMigrationAwareSqlAdapterFactory, DriverAdapterError } from '@prisma/driver-adapter-utils'
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg'
import pg from 'pg'

interface EngineExports {
  __wbindgen_start(): void
}

// TypeScript declares this global only in its library for browsers.
declare const WebAssembly: {
  instantiate(bytes: Uint8Array, imports: Record<string, object>): Promise<{ instance: { exports: EngineExports } }>
}

// The engine never clears its timer of ten seconds for the lock of migrations: without unref it would keep the process
// running.
const withIdleTimers = (glue: object) => {
  const setTimer = (callback: () => void, milliseconds: number) => setTimeout(callback, milliseconds).unref()
  const isTimer = ([name]: [string, unknown]) => name.startsWith('__wbg_setTimeout_')
  return {
    ...glue,
    ...Object.fromEntries(
      Object.entries(glue)
        .filter(isTimer)
        .map(([name]) => [name, setTimer]),
    ),
  }
}

// Not through the package's entry, which needs Node's experimental import of .wasm files.
const instantiate = async () => {
  const glue = bindings as typeof bindings & { __wbg_set_wasm(exports: EngineExports): void }
  const entry = new URL(import.meta.resolve('@prisma/schema-engine-wasm'))
  const bytes = readFileSync(fileURLToPath(new URL('schema_engine_bg.wasm', entry)))
  const { instance } = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': withIdleTimers(glue) })
  glue.__wbg_set_wasm(instance.exports)
  instance.exports.__wbindgen_start()
}

// Only once: the bindings keep views of the memory that they got first.
let instantiated: Promise<void> | undefined

const toEngineError = (error: pg.DatabaseError) => {
  const { code = '', severity = 'ERROR', message, detail, column, hint } = error
  throw new DriverAdapterError({ kind: 'postgres', code, severity, message, detail, column, hint })
}

/** Runs a script of the engine. @returns false if it is no migration: the engine's own statements */
export type RunScript = (script: string) => Promise<boolean>

// The adapter splits a script at every semicolon, also inside function bodies. Sent as a whole, the script is also one
// transaction, as with the native engine.
class WholeScripts extends PrismaPg {
  readonly #runScript: RunScript

  constructor(pool: pg.Pool, runScript: RunScript) {
    super(pool)
    this.#runScript = runScript
  }

  override async connect() {
    const adapter = await super.connect()
    adapter.executeScript = async (script) => {
      try {
        if (!(await this.#runScript(script))) await adapter.underlyingDriver().query(script)
      } catch (error) {
        if (error instanceof pg.DatabaseError) toEngineError(error)
        throw error
      }
    }
    return adapter
  }
}

/**
 * Opens the WebAssembly build of Prisma's schema engine on a database while `use` runs. The Prisma CLI downloads a native
 * build; this one is part of the npm package and uses the same table `_prisma_migrations`. The pool has one connection,
 * because the engine's lock against a second migration belongs to the connection that took it.
 */
export const useSchemaEngine = async <T>(
  pool: pg.Pool,
  { schema, runScript = async () => false }: { schema: string; runScript?: RunScript },
  use: (engine: bindings.SchemaEngine) => Promise<T>,
): Promise<T> => {
  instantiated ??= instantiate()
  await instantiated
  const ignoreLog = () => {}
  const adapters = bindMigrationAwareSqlAdapterFactory(new WholeScripts(pool, runScript))
  const engine = await bindings.SchemaEngine.new({ datamodels: [['schema.prisma', schema]] }, ignoreLog, adapters)
  try {
    return await use(engine)
  } finally {
    engine.free()
  }
}
