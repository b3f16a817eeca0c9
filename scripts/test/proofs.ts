/**
 * Proofs that measure neither time nor load, the longest first. Two of them run at once: one after the other, all proofs
 * would take a third longer. Every other proof has the machine to itself.
 */
export const unmeasured: readonly string[] = [
  'tests/security/takeover.proof.ts',
  'services/auth-gateway/src/account-pages/account-states.proof.ts',
  'services/auth-gateway/src/pages/page-states.proof.ts',
  'deploy/helm/chart.proof.ts',
  'tests/security/stolen-thing.proof.ts',
  'tests/openapi/schemathesis.proof.ts',
  'scripts/customers-resume.proof.ts',
  'tests/security/cross-site.proof.ts',
  'scripts/packages/packages.proof.ts',
  'services/auth-gateway/src/console/pages.proof.ts',
  'scripts/packages/nodes.proof.ts',
  'scripts/screens/screens.proof.ts',
  'services/password-service/src/waiting-restores/crash.proof.ts',
  'services/password-service/src/passwords/crash.proof.ts',
  'services/password-service/src/jobs/crash.proof.ts',
  'examples/bruno.proof.ts',
  'tests/openapi/methods.proof.ts',
  'services/auth-gateway/src/redis-cluster.proof.ts',
  'services/auth-gateway/src/stored-records/tampering.proof.ts',
  'scripts/release/release.proof.ts',
]

/** A test that `npm test` leaves out unless a path names it: it needs many flows, or starts programs. */
export const isSlow = (file: string): boolean => file.endsWith('.slow.test.ts')

/**
 * Tests wait for their servers part of the time: five files keep two cores busy. Each more costs the start of a process,
 * three seconds of processor time to load and compile all modules.
 */
export const usualJobs = 5

/** Files that run together, and how many at once. */
export interface Batch {
  files: string[]
  jobs: number
  /** The files are proofs: each has a process of its own. */
  proofs: boolean
}

/**
 * Divides proofs and slow tests: first the tests, as many at once as in `npm test`, then the proofs that need the machine
 * to themselves, then the others, two at once.
 */
export const divideProofs = (files: readonly string[]): Batch[] => {
  const proofs = files.filter((file) => !isSlow(file))
  const batches = [
    { files: files.filter(isSlow), jobs: usualJobs, proofs: false },
    { files: proofs.filter((file) => !unmeasured.includes(file)), jobs: 1, proofs: true },
    { files: unmeasured.filter((file) => proofs.includes(file)), jobs: 2, proofs: true },
  ]
  return batches.filter(({ files }) => files.length > 0)
}
