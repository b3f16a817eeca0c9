import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'

/** @throws Error if the file exists */
const openExclusively = (path: string) => {
  try {
    return openSync(path, 'wx', 0o600)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new Error(
      `${path} exists: another rotation is running, or one was interrupted. In that case remove the file.`,
    )
  }
}

/** Replaces a file atomically: readers get the old text or the new one. Refuses concurrent changes. */
export const changeFile = (path: string, change: (text: string) => string) => {
  const { uid, gid, mode } = statSync(path)
  const beside = `${path}.new`
  const handle = openExclusively(beside)
  try {
    writeFileSync(handle, change(readFileSync(path, 'utf8')))
    // If root runs this, the file must stay readable for the service's account.
    if (process.getuid?.() === 0) fchownSync(handle, uid, gid)
    // The file's group keeps its access; other accounts get none.
    fchmodSync(handle, mode & 0o660)
    fsyncSync(handle)
    renameSync(beside, path)
  } catch (error) {
    rmSync(beside)
    throw error
  } finally {
    closeSync(handle)
  }
}
