// Three questions to a service that `make run` started: see a field, send a letter, several at once. How it is
// run, and what it prints: examples/README.md. Everybody in it is made up.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const { POLICY_SERVICE_ADDRESS: address = "127.0.0.1:50051", POLICY_SERVICE_VAR_DIR: data = "var" } = process.env;
const protos = fileURLToPath(new URL("../../protos", import.meta.url));
const loaded = loadSync("policy_service/api/v1/decision.proto", {
  includeDirs: [protos], keepCase: true, enums: String, defaults: true, oneofs: true,
});
const { DecisionService } = grpc.loadPackageDefinition(loaded).policy_service.api.v1;
const service = new DecisionService(address, grpc.credentials.createInsecure(), { "grpc.enable_http_proxy": 0 });

// Asks as one system; each call has a deadline, for no answer is no permit.
function ask(method, system, request) {
  const metadata = new grpc.Metadata();
  metadata.set("authorization", `Bearer ${readFileSync(`${data}/tokens/${system}.token`, "utf8").trim()}`);
  return promisify(service[method]).call(service, request, metadata, { deadline: Date.now() + 5_000 });
}

// Prints an answer cell by cell. Nothing but EFFECT_PERMIT is a permit; an error is no answer.
function show(title, { answer, error }) {
  console.log(title);
  if (!answer) return console.log(`  ${error.reason}: ${error.message}`);
  for (const { field, recipient, effect, reason } of answer.cells)
    console.log(`  ${field}, recipient ${recipient}: ${effect === "EFFECT_PERMIT" ? "permit" : `deny ${reason}`}`);
  console.log(`  owed: ${answer.obligations.map(({ kind }) => kind).join(", ") || "nothing"}`);
}

// A letter about a child to both parents, who live apart; none of them is on file, so they are described.
const parents = ["mother", "father"];
const homes = { mother: "31 Madeup Mews, ZZ99 3AA", father: "32 Invented Street, ZZ99 3BB" };
const letter = {
  user: "c.secretary", record: "LETTER-1", fields: [{ name: "body" }, { name: "subject.address" }],
  verb: "VERB_SEND", channel: "post",
  recipients: parents.map((party) => ({ party, contact_point: `${party}-home` })),
  description: {
    record: { record_type: "nhs.clinic_letter", teams: ["clinic-letters"], parties: [
      { party: "child", role: "child", person: "child" },
      ...parents.map((party) => ({ party, role: "parent", person: party })),
    ] },
    people: [{ key: "child", birth_date: "2016-05-04" }, ...parents.map((key) => ({ key }))],
    relationships: parents.map((parent) => (
      { from_person: parent, to_person: "child", kind: "parent_of", parental_responsibility: true })),
    contact_points: parents.map((parent) => ({ key: `${parent}-home`, kind: "post", value: homes[parent],
      owners: parent === "mother" ? ["mother", "child"] : ["father"], home: true })),
  },
};

const officer = (...names) => ({ user: "o.manager", record: "OM-1001", fields: names.map((name) => ({ name })) });
show("see", { answer: await ask("Check", "police-records", officer("subject.name")) });
show("send", { answer: await ask("Check", "nhs-letters", letter) });
const checks = [officer("subject.name"), officer("subject.name", "enquiry.made_by"), officer()];
for (const each of (await ask("BatchCheck", "police-records", { checks })).outcomes) show("one of several", each);
service.close();
