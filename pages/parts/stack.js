const drawn = new WeakMap();

export default function ({ parentElement, data }) {
  const root = parentElement.querySelector(".root");
  root.style.setProperty("--ice", data.ice);
  root.style.setProperty("--warm", data.warm);
  const asked = JSON.stringify(data);
  if (drawn.get(root) === asked) return;
  drawn.set(root, asked);
  const show = drawStack(root, data.plan, { image: data.image, live: data.drift !== null, cut: data.cut });
  if (data.drift) data.plan.phases.forEach((_, phase) => show({ phase, drift: data.drift }));
  if (data.drift) show({});
}
