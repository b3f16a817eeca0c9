import { execFileSync } from 'node:child_process'

interface GitOptions {
  /** Standard input. */
  input?: string
  env?: Record<string, string>
}

/** Runs git in a repository. @returns what it printed. @throws Error with what git printed as an error */
export type Git = (args: string[], options?: GitOptions) => string

/** Runs git in the repository at `root`. */
export const gitIn =
  (root: string): Git =>
  (args, { input, env = {} } = {}) => {
    try {
      return execFileSync('git', args, {
        cwd: root,
        encoding: 'utf8',
        env: { ...process.env, ...env },
        maxBuffer: 2 ** 28,
        stdio: ['pipe', 'pipe', 'pipe'],
        ...(input !== undefined && { input }),
      })
    } catch (error) {
      const { stderr, message } = error as Error & { stderr?: string }
      throw new Error(`git ${args[0]} failed: ${stderr?.trim() || message}`, { cause: error })
    }
  }
