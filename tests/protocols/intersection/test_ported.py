"""What the tests of volepsi and libOTe hold their programs to, and which test here holds ours to it.

Properties, not bytes: both expand other streams than we do. `OURS` has a line for each of their tests of stores,
functions, products, trees, codes and intersections, by the name it is registered under (`tests/UnitTests.cpp` of
Visa-Research/volepsi at 020e73c, `libOTe_Tests/UnitTests.cpp` of osu-crypto/libOTe at 045138d); `LEFT_OUT` names those
for which there is nothing here to hold, and why. That a test of ours exists is checked.
"""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
PRIMITIVES = HERE.parents[1] / "primitives"
STORE, ROWS, TREES = PRIMITIVES / "test_okvs.py", PRIMITIVES / "test_okvs_rows.py", PRIMITIVES / "test_ggm.py"
CODE, RANK = PRIMITIVES / "test_expand_convolute.py", PRIMITIVES / "test_rank_of_noise.py"
FUNCTION, PROGRAMMED, PRODUCTS = HERE / "test_vole_oprf.py", HERE / "test_opprf.py", HERE / "test_silent_vole.py"
SETS, LINKED = HERE / "test_two_party.py", HERE / "test_circuit.py"

OURS = {
    # volepsi
    "Paxos_buildRow": (ROWS, "a_row_is_the_formula_on_two_hashes_of_its_key"),
    "Paxos_solve": (STORE, "every_key_has_its_value"),
    "Paxos_solve_u8": (STORE, "every_key_has_its_value"),
    "Paxos_solve_mtx": (STORE, "every_key_has_its_value"),
    "Paxos_solve_gap": (ROWS, "keys_with_the_same_sparse_columns_are_told_apart_by_the_dense_ones"),
    "Paxos_solve_rand": (ROWS, "no_column_of_a_filled_store_is_left_as_it_was"),
    "Paxos_solve_rand_gap": (ROWS, "keys_with_the_same_sparse_columns_are_told_apart_by_the_dense_ones"),
    "Paxos_invE": (STORE, "cores_are_solved"),
    "Paxos_invE_g3": (STORE, "cores_are_solved"),
    "Baxos_solve": (STORE, "many_clusters_decode_as_defined"),
    "Baxos_solve_mtx": (STORE, "the_clusters_of_a_store_can_be_made_and_decoded_by_themselves"),
    "Baxos_solve_par": (STORE, "the_clusters_of_a_store_can_be_made_and_decoded_by_themselves"),
    "Baxos_solve_rand": (ROWS, "no_column_of_a_filled_store_is_left_as_it_was"),
    "RsOprf_eval": (FUNCTION, "both_sides_have_the_same_function_on_the_receivers_keys_alone"),
    "RsOpprf_eval_blk": (PROGRAMMED, "programmed_keys_have_their_values_and_others_do_not"),
    "RsOpprf_eval_u8": (PROGRAMMED, "programmed_keys_have_their_values_and_others_do_not"),
    "RsOpprf_eval_blk_mtx": (PROGRAMMED, "programmed_keys_have_their_values_and_others_do_not"),
    "RsOpprf_eval_u8_mtx": (PROGRAMMED, "programmed_keys_have_their_values_and_others_do_not"),
    "Psi_Rs_empty": (SETS, "sets_of_any_size_and_overlap"),
    "Psi_Rs_partial": (SETS, "sets_of_any_size_and_overlap"),
    "Psi_Rs_full": (SETS, "sets_of_any_size_and_overlap"),
    "Psi_Rs_multiThrd": (HERE / "test_vole.py", "many_clusters_in_many_messages"),
    "Cpsi_Rs_empty": (LINKED, "sums_over_the_table_are_sums_over_the_intersection"),
    "Cpsi_Rs_partial": (LINKED, "the_table_is_the_join_of_python_dictionaries"),
    "Cpsi_Rs_full": (LINKED, "sums_over_the_table_are_sums_over_the_intersection"),
    "Cpsi_Rs_full_asym": (LINKED, "a_longer_partner_makes_the_others_wait"),
    "Cpsi_Rs_full_add32": (LINKED, "sums_over_the_table_are_sums_over_the_intersection"),
    # libOTe
    "ExConvCode_encode_basic": (CODE, "the_code_is_the_map_of_its_formulas"),
    "ExConvCode_weight": (RANK, "with_the_multiplier_an_output_depends_on_all_convolved_cells_and_not_on_half"),
    "Tools_Pprf_expandOne": (TREES, "a_punctured_tree_is_the_full_tree_except_at_alpha"),
    "Tools_Pprf_inter": (TREES, "leaves_can_go_between_other_columns"),
    "Tools_Pprf_ByTreeIndex": (TREES, "every_place_can_be_the_hole"),
    "Tools_Pprf_callback": (TREES, "trees_are_grown_in_batches_of_any_size"),
    "Vole_Noisy": (PRIMITIVES / "test_noisy_vole.py", "c_is_beta_times_delta_plus_b"),
    "Vole_Silent_paramSweep": (PRODUCTS, "c_is_a_times_delta_plus_b"),
    "Vole_Silent_baseOT": (PRODUCTS, "the_identity_holds_over_several_runs_of_any_length"),
    "Vole_Silent_Rounds": (PRODUCTS, "the_cost_line_is_true"),
    "OtExt_Silent_random": (PRODUCTS, "what_each_side_receives_is_uniform"),
    "OtExt_Silent_correlated": (PRODUCTS, "the_identity_holds_for_a_delta_of_one_bit"),
    "OtExt_Silent_inplace": (CODE, "the_result_is_written_in_place"),
    "OtExt_Silent_paramSweep": (PRODUCTS, "c_is_a_times_delta_plus_b"),
    "OtExt_Silent_baseOT": (PRODUCTS, "the_identity_holds_over_several_runs_of_any_length"),
}

LEFT_OUT = {
    "RsOprf_mal": "no party that deviates is promised anything",
    "Psi_Rs_mal": "no party that deviates is promised anything",
    "Vole_Silent_mal": "no party that deviates is promised anything",
    "OtExt_Silent_mal": "no party that deviates is promised anything",
    "RsOprf_reduced": "there is one order of the rounds",
    "Psi_Rs_reduced": "there is one order of the rounds",
    "Tools_Pprf_ByLeafIndex": "there is one order of the leaves",
    "Vole_Silent_QuasiCyclic": "there is one code",
    "Vole_Silent_Tungsten": "there is one code, and this one has no analysis",
    "OtExt_Silent_QuasiCyclic": "there is one code",
    "OtExt_Silent_Tungsten": "there is one code, and this one has no analysis",
    "Vole_SoftSpokenSmall": "products are of GF(2^128) alone",
}


@pytest.mark.parametrize("theirs", OURS)
def test_every_property_of_theirs_has_a_test_here(theirs):
    file, name = OURS[theirs]
    assert f"\ndef test_{name}(" in file.read_text()


def test_no_test_of_theirs_is_both_here_and_left_out():
    assert not OURS.keys() & LEFT_OUT.keys()
