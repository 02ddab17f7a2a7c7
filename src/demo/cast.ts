import { type Tier, tiers } from '../policy/tiers.ts';

/** Who lives in the demo. */
export interface Character {
  slug: string;
  name: string;
  tier: Tier;
  /** Share of all activity; they add up to 1. */
  weight: number;
  /** What their visitors talk about. */
  trade: string;
}

const cast: Record<Tier, [name: string, trade: string][]> = {
  enterprise: [
    ['Northwind Labs', 'pipettes'],
    ['Casa Müller & Söhne', 'kitchens'],
    ['Grupo Araucária', 'freight'],
    ["O'Hara Mutual", 'insurance'],
  ],
  pro: [
    ['Tidewater Ferries', 'ferries'],
    ['Ateliê Jacarandá', 'furniture'],
    ['Brightside Dental', 'teeth'],
    ['Kettle & Loom', 'tea'],
    ['Polar Route Travel', 'arctic tours'],
    ['Sushi Go Round', 'lunch boxes'],
    ['Velo Sud', 'bicycles'],
    ['Quiet Library Co', 'archives'],
    ['Banyan Yoga', 'classes'],
  ],
  starter: [
    ['Hinterhof Bikes', 'repairs'],
    ['Lantern Street Books', 'books'],
    ['Pão & Prosa', 'bread'],
    ['Mossy Stone Gardens', 'gardens'],
    ['Otto Repair', 'washing machines'],
    ['Paper Crane Print', 'posters'],
    ['Salt Flat Surf', 'boards'],
    ['Third Rail Records', 'vinyl'],
    ['Umbra Eyewear', 'glasses'],
    ['Wild Thyme Catering', 'catering'],
    ['Zinnia Florals', 'flowers'],
    ['Copper Kettle Inn', 'rooms'],
  ],
  free: [
    ['Ada’s Homework Club', 'homework'],
    ['Bee Keepers of Olinda', 'honey'],
    ['Chess at Noon', 'chess'],
    ['Dog Walk Collective', 'dogs'],
    ['Everest Knitting', 'wool'],
    ['Friends of the Canal', 'the canal'],
    ['Garage Band Finder', 'drummers'],
    ['Home Brew 1904', 'hops'],
    ['Igloo Makers', 'snow'],
    ['Juniper Trail Runners', 'running'],
    ['Kombucha Karl', 'kombucha'],
    ['Lost Cat Hotline', 'cats'],
    ['Miniature Trains', 'trains'],
    ['Night Owl Poets', 'poems'],
    ['Robert"); DROP TABLE tenants;--', 'his mum'],
  ],
};

/** Some forty tenants in all four tiers; few are large, most are small. */
export function characters(): Character[] {
  const everyone = tiers.flatMap((tier) =>
    cast[tier].map(([name, trade]) => ({
      slug: slugOf(name),
      name,
      tier,
      trade,
    })),
  );
  const shares = everyone.map((_, rank) => 1 / (rank + 1.5) ** 1.1);
  const total = shares.reduce((sum, share) => sum + share, 0);
  return everyone.map((character, rank) => ({
    ...character,
    weight: (shares[rank] ?? 0) / total,
  }));
}

function slugOf(name: string): string {
  return name
    .normalize('NFD')
    .replaceAll(/[\u0300-\u036f’']/g, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
    .split('-')
    .slice(0, 2)
    .join('-');
}
