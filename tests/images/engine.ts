import { execFile, execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { composeAnswers } from '@rekey/local-servers/compose'
import { obstacle, startPrivateEngine } from './private-engine.ts'

export interface Teardown {
  teardown(callback: () => unknown): void
}

export interface Engine {
  description: string
  /** Runs `docker` in the folder of the repository. @returns its output @throws Error with its output if it fails */
  docker(args: string[], env?: NodeJS.ProcessEnv): Promise<string>
  /** Runs a program of this machine where it reaches the ports that containers publish on 127.0.0.1. */
  beside(file: string, args: string[], env?: NodeJS.ProcessEnv): Promise<string>
}

const root = resolve(import.meta.dirname, '../..')
/** A folder that the engine sees under the same path. */
export const scratch = join(root, '.rekey/images/run')

const hostEngine = (): Engine => {
  const run = async (file: string, args: string[], env: NodeJS.ProcessEnv = {}) => {
    const options = { cwd: root, env: { ...process.env, ...env }, maxBuffer: 64 << 20 }
    return (await promisify(execFile)(file, args, options)).stdout
  }
  return { description: 'that of this machine', docker: (args, env) => run('docker', args, env), beside: run }
}

/** Starts the engine that runs the images. @returns the reason if there is none */
export const startEngine = async (t: Teardown): Promise<Engine | string> => {
  if (composeAnswers()) return hostEngine()
  const reason = obstacle()
  return reason === undefined ? startPrivateEngine(t) : `platform: no container engine answers, and ${reason}`
}

const npmSetting = (name: string): string | undefined => {
  const value = execFileSync('npm', ['config', 'get', name], { encoding: 'utf8' }).trim()
  return value === 'null' || value === 'undefined' ? undefined : value
}

/** Variables of Compose that let a build use this machine's registry and certificate authorities. */
export const buildVariables = (): Record<string, string> => {
  mkdirSync(scratch, { recursive: true })
  const [registry, cafile] = [npmSetting('registry'), npmSetting('cafile') ?? process.env.NODE_EXTRA_CA_CERTS]
  const npmrc = join(scratch, 'npmrc')
  const ca = join(scratch, 'ca.pem')
  const hasCa = cafile !== undefined && existsSync(cafile)
  if (hasCa) copyFileSync(cafile, ca)
  writeFileSync(npmrc, `${registry ? `registry=${registry}\n` : ''}${hasCa ? 'cafile=/run/secrets/ca\n' : ''}`)
  return { REKEY_BUILD_NPMRC: npmrc, ...(hasCa && { REKEY_BUILD_CA: ca }) }
}
