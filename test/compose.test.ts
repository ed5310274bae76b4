import { Ajv } from 'ajv';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { COMMANDS } from '../src/cli/commands/index.js';
import { readSettings } from '../src/settings.js';

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: object;
  readonly restart?: string;
  readonly profiles?: readonly string[];
  readonly volumes?: readonly string[];
  readonly configs?: readonly { readonly source: string }[];
  readonly ports?: readonly string[];
  readonly build?: { readonly target: string; readonly args?: Readonly<Record<string, string>> };
  readonly deploy?: {
    readonly resources: { readonly reservations: { readonly devices: readonly object[] } };
  };
}

// Checked against the schema by the first test below.
const compose = parse(read('docker-compose.yml'), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: object;
  readonly configs: object;
};
const services = Object.entries(compose.services);
const workers = services.filter(([, { build }]) => build);

/** https://github.com/compose-spec/compose-spec, schema/compose-spec.json at 170098ba (Apache-2.0). */
function composeSchema(): (value: unknown) => boolean {
  const { $schema: _, ...schema } = JSON.parse(read('test/golden/compose-spec.json')) as { $schema: string };
  return new Ajv({ strict: false, validateFormats: false }).compile(schema);
}

/** The names of the environment that a function asks for. */
function namesRead(work: (env: NodeJS.ProcessEnv) => unknown): Set<string> {
  const names = new Set<string>();
  const env = new Proxy<NodeJS.ProcessEnv>(
    {},
    { get: (target, name) => (names.add(String(name)), target[String(name)]) },
  );
  work(env);
  return names;
}

describe('docker-compose.yml', () => {
  it('follows the compose specification', () => {
    const isValid = composeSchema();
    expect(isValid(compose)).toBe(true);
    expect(isValid({ services: { a: { image: 1 } } })).toBe(false);
    expect(isValid({ services: { a: { image: 'a', depend_on: [] } } })).toBe(false);
  });

  it('sets only what the product reads', () => {
    const known = namesRead(readSettings);
    expect(workers.map(([name]) => name)).toEqual(['control-worker', 'gpu-worker', 'cpu-worker']);
    for (const [, { environment = {} }] of workers) {
      expect(Object.keys(environment).filter(name => !known.has(name))).toEqual([]);
      expect(environment).toMatchObject({ DETDISTILL_STORE: expect.stringContaining('s3://') as unknown });
    }
  });

  it('starts commands that exist', () => {
    const names = Object.values(COMMANDS).flatMap(group => group.map(({ name }) => name));
    for (const [, { command }] of workers) {
      expect(names).toContain(command?.[0]);
      expect(['control', 'gpu']).toContain(command?.[1]);
    }
  });

  it('waits only for what can say that it is ready', () => {
    for (const [, { depends_on: needs = {} }] of services)
      for (const [name, { condition }] of Object.entries(needs)) {
        const needed = compose.services[name];
        if (condition === 'service_healthy') expect(needed?.healthcheck).toBeDefined();
        // One that is always started again never completes.
        else expect([condition, needed?.restart]).toEqual(['service_completed_successfully', 'on-failure:5']);
      }
    for (const name of ['postgresql', 'temporal', 'minio'])
      expect(compose.services[name]?.healthcheck).toBeDefined();
  });

  it('declares every volume and configuration that it uses, and keeps both databases on volumes', () => {
    const sources = services.flatMap(([, { volumes = [] }]) => volumes.map(volume => volume.split(':')[0]!));
    const named = sources.filter(source => /^\w/.test(source));
    expect([...new Set(named)].sort()).toEqual(Object.keys(compose.volumes).sort());
    const configs = services.flatMap(([, { configs: used = [] }]) => used.map(({ source }) => source));
    expect(configs).toEqual(Object.keys(compose.configs));
  });

  it('opens ports on the loopback interface unless told otherwise, and has no password of its own', () => {
    for (const [, { ports = [] }] of services)
      for (const port of ports) expect(port).toMatch(/^\$\{BIND_ADDRESS:-127\.0\.0\.1\}:/);
    for (const [, { environment = {} }] of services)
      for (const [name, value] of Object.entries(environment))
        if (/PASSWORD|PWD|SECRET/.test(name)) expect(value).toMatch(/^\$\{\w+:\?/);
  });

  it('gives the GPU worker a GPU, and needs none unless its profile is asked for', () => {
    const { profiles, deploy, build } = compose.services['gpu-worker']!;
    expect(profiles).toEqual(['gpu']);
    expect(build?.args).toEqual({ SETUP_FLAGS: '--gpu' });
    expect(deploy?.resources.reservations.devices).toEqual([
      expect.objectContaining({ driver: 'nvidia', capabilities: expect.arrayContaining(['gpu']) as unknown }),
    ]);
    for (const [name, service] of services) if (name !== 'gpu-worker') expect(service.deploy).toBeUndefined();
  });
});

describe('Dockerfile', () => {
  const dockerfile = read('Dockerfile');
  const stages = [...dockerfile.matchAll(/^FROM \S+ AS (\w+)$/gm)].map(match => match[1]);

  it('has every target that the compose file builds', () => {
    for (const [, { build }] of workers) expect(stages).toContain(build?.target);
  });

  it('gets what the build reads, and nothing else', () => {
    const allowed = read('.dockerignore').trim().split('\n');
    expect(allowed[0]).toBe('*');
    const { include } = JSON.parse(read('tsconfig.build.json')) as { include: string[] };
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(match =>
      match[1]!.split(' '),
    );
    const fromBuild = [...dockerfile.matchAll(/--from=build .*?\/app\/(\S+)/g)].map(match => match[1]!);
    const made = ['node_modules', 'dist'];
    const needed = [...include, ...copied, ...fromBuild].filter(name => name !== '.' && !made.includes(name));
    const isAllowed = (name: string): boolean =>
      allowed.some(entry => entry === `!${name}` || `!${name}`.startsWith(`${entry}/`));
    expect(needed.filter(name => !isAllowed(name))).toEqual([]);
  });
});
