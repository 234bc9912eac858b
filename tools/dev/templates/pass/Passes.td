def @CLASS@Pass : Pass<"@FLAG@"> {
  let summary = "replace a combination of one mask by that mask";
  let description = [{
    `mask_and` of one part becomes the part.
  }];
}
