// A loop around a TorchScript file's forward and nothing else, to see what the runner adds.
//   bare_loop MODEL INPUTS RUNS: prints the median in nanoseconds. INPUTS: one line of numbers, space-separated,
//   for each argument of the one call that is repeated.

#include <ATen/Parallel.h>
#include <torch/script.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

int main(int, char** values) {
  at::set_num_threads(1);
  c10::InferenceMode inference;
  torch::jit::Module module = torch::jit::load(values[1]);
  module.eval();
  std::vector<c10::IValue> call;
  std::ifstream file(values[2]);
  for (std::string line; std::getline(file, line);) {
    std::istringstream text(line);
    std::vector<int64_t> numbers;
    for (int64_t number; text >> number;) numbers.push_back(number);
    call.emplace_back(torch::tensor(numbers, torch::kInt64));
  }
  const int runs = std::stoi(values[3]);
  for (int i = 0; i < runs; ++i) module.forward(call);
  std::vector<int64_t> ns(runs);
  for (auto& value : ns) {
    const auto before = std::chrono::steady_clock::now();
    module.forward(call);
    value = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - before).count();
  }
  std::nth_element(ns.begin(), ns.begin() + runs / 2, ns.end());
  std::printf("%lld\n", static_cast<long long>(ns[runs / 2]));
}
