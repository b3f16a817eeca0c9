import semver from 'semver'

/** The tag of a version. */
export const tagOf = (version: string): string => `v${version}`

/**
 * Checks the version of a release.
 *
 * @throws Error unless it is a version of SemVer 2.0.0 and newer than the current one. It has no build metadata, which
 *   the tag of an image may not contain and which does not make it newer (SemVer §10)
 */
export const checkVersion = (version: string, current: string): void => {
  const parsed = semver.parse(version)
  if (parsed === null || parsed.raw !== parsed.version || version.includes('+')) {
    throw new Error(`${JSON.stringify(version)} is not a version: write MAJOR.MINOR.PATCH, such as 1.4.0 or 2.0.0-rc.1`)
  }
  if (!semver.gt(version, current))
    throw new Error(`${version} is not newer than ${current}, the version of package.json`)
}
