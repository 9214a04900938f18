interface Edges {
  left: string;
  right: string;
  top: string;
  bottom: string;
}

/** Which side of the patient lies at each edge of a picture. */
export function EdgeLetters({ left, right, top, bottom }: Edges) {
  const sides = Object.entries({ left, right, top, bottom }).filter(([, letters]) => letters !== '');
  return (
    <div class="edges" aria-hidden="true">
      {sides.map(([side, letters]) => (
        <span key={side} data-edge={side}>
          {letters}
        </span>
      ))}
    </div>
  );
}
