import { existsSync, watch } from 'node:fs'

/** Several files that an editor saves at once are one change. */
const quietMs = 200

/** Waits until a source file below one of these folders changes, or until the signal is aborted. */
export const untilChanged = (folders: string[], signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined
    const ended = new AbortController()
    const end = () => {
      ended.abort()
      resolve()
    }
    signal.addEventListener('abort', end, { once: true, signal: ended.signal })
    for (const folder of folders.filter((path) => existsSync(path))) {
      watch(folder, { recursive: true, signal: ended.signal }, (_event, path) => {
        if (!path?.match(/\.(ts|lua|sql|json|html|css)$/) || path.includes('node_modules')) return
        clearTimeout(timer)
        timer = setTimeout(end, quietMs)
      })
    }
  })
